package flowrpc

import (
	"context"
	"math/rand/v2"
	"time"
)

// pauses are longer each time, and different for each client: when a service comes back, they do not all return at once.
type pauses struct{ bound, most time.Duration }

func newPauses(most time.Duration) pauses { return pauses{bound: 50 * time.Millisecond, most: most} }

func (p *pauses) next() time.Duration {
	pause := p.bound/2 + rand.N(p.bound/2+1)
	p.bound = min(2*p.bound, p.most)
	return pause
}

// wait waits, and tells whether the context still goes on.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
