//! Pauses between tries.

use std::time::Duration;

/// Pauses that are longer each time, and different for each client: when a service comes back, they do not all return at
/// once.
pub(crate) struct Pauses {
    bound: Duration,
    most: Duration,
}

impl Pauses {
    pub(crate) fn up_to(most: Duration) -> Self {
        Self { bound: Duration::from_millis(50), most }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.bound.mul_f64(0.5 + 0.5 * fastrand::f64());
        self.bound = self.most.min(2 * self.bound);
        pause
    }
}
