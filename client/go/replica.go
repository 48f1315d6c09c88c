package flowrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"flowrpc.dev/go/flowrpcv1"
)

// distrusted is after how many states in a row whose hash is not the app's a replica gives up.
const distrusted = 3

// State is a component and everything below it, at one revision.
type State struct {
	JournalID string
	Revision  int64
	// Components come parents before children, siblings in order of attachment.
	Components []Component
	// Runs are newest first: of each work its unfinished runs, and its newest ended ones up to 20.
	Runs []*flowrpcv1.Run
	// App is the app's status, if it was told.
	App *flowrpcv1.AppStatus
}

// Vars returns the vars of a component, or nil if it is not there.
func (s *State) Vars(component string) *Map {
	for _, each := range s.Components {
		if each.Name == component {
			return each.Vars
		}
	}
	return nil
}

// View looks at a replica without copying; it is valid while the function runs that it is given to. What it returns must
// not be changed.
type View struct{ fold *fold }

// Revision is the revision that the replica is at.
func (v View) Revision() int64 { return v.fold.revision }

// Var returns a var of a component, and whether there is one.
func (v View) Var(component, name string) (any, bool) {
	node := v.fold.state.nodes[component]
	if node == nil {
		return nil, false
	}
	return node.Vars.Get(name)
}

// Replica follows a component and everything below it. A watch that breaks is begun again where it was, after a pause; the
// hashes that the app tells are compared, and a replica that differs begins anew.
type Replica struct {
	client    *Client
	component string
	cancel    context.CancelFunc
	done      chan struct{}

	lock       sync.Mutex
	fold       *fold
	changed    chan struct{} // closed and replaced at each change
	mismatches int
	err        error
}

// Replicate begins to follow a component. The replica tries on until it is closed, the context ends or the app does.
func (c *Client) Replicate(ctx context.Context, component string) *Replica {
	ctx, cancel := context.WithCancel(ctx)
	made := &Replica{
		client: c, component: component, cancel: cancel,
		done: make(chan struct{}), fold: newFold(), changed: make(chan struct{}),
	}
	go made.follow(ctx)
	return made
}

// Close ends the watch.
func (r *Replica) Close() {
	r.cancel()
	<-r.done
}

// Revision is the revision that the replica is at; 0 before the first snapshot.
func (r *Replica) Revision() int64 {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.fold.revision
}

// Mismatches is how often the replica was found to differ from the app's state.
func (r *Replica) Mismatches() int {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.mismatches
}

// StateHash hashes the replica: equal to the app's, asked for at the same revision.
func (r *Replica) StateHash() string {
	r.lock.Lock()
	defer r.lock.Unlock()
	return stateHash(r.fold.state)
}

// State returns a copy of the state; without components before the first snapshot.
func (r *Replica) State() *State {
	r.lock.Lock()
	defer r.lock.Unlock()
	return r.fold.state.copy(r.fold.journal, r.fold.revision)
}

// Vars returns a copy of the vars of a component, or nil if it is not there.
func (r *Replica) Vars(component string) *Map {
	r.lock.Lock()
	defer r.lock.Unlock()
	if node := r.fold.state.nodes[component]; node != nil {
		return node.Vars.copy()
	}
	return nil
}

// Wait waits until something holds of the replica; it is asked after each message of the app. It returns the error of the
// context, or why the replica follows no more.
func (r *Replica) Wait(ctx context.Context, holds func(View) bool) error {
	for {
		held, changed, err := r.ask(holds)
		if held || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("up to revision %d it did not hold: %w", r.Revision(), ctx.Err())
		}
	}
}

// WaitFor waits until the replica has seen a revision, such as that of an Answer.
func (r *Replica) WaitFor(ctx context.Context, revision int64) error {
	return r.Wait(ctx, func(view View) bool { return view.Revision() >= revision })
}

func (r *Replica) ask(holds func(View) bool) (bool, <-chan struct{}, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	if r.fold.ready && holds(View{r.fold}) {
		return true, nil, nil
	}
	return false, r.changed, r.err
}

func (r *Replica) follow(ctx context.Context) {
	defer close(r.done)
	pauses, wrong := newPauses(2*time.Second), 0
	for {
		told, err := r.read(ctx)
		if told {
			pauses = newPauses(2 * time.Second)
		}
		var mismatch *MismatchError
		if errors.As(err, &mismatch) {
			wrong++
			r.count()
		} else if told {
			wrong = 0
		}
		if !again(err) || wrong >= distrusted || !wait(ctx, pauses.next()) {
			r.finish(errors.Join(err, ctx.Err()))
			return
		}
	}
}

// read reads one watch to its end, and tells whether it told anything.
func (r *Replica) read(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // of a watch that is not read to its end
	r.lock.Lock()
	request := r.fold.resume(r.component)
	r.lock.Unlock()
	watch, err := r.client.stub.WatchState(ctx, request)
	for told := false; ; told = true {
		if err != nil {
			return told, err
		}
		var message *flowrpcv1.WatchStateResponse
		if message, err = watch.Recv(); err == nil {
			err = r.take(message)
		}
		if err != nil {
			return told, err
		}
	}
}

func (r *Replica) take(message *flowrpcv1.WatchStateResponse) error {
	r.lock.Lock()
	defer r.lock.Unlock()
	err := r.fold.take(message)
	if err == nil && r.fold.end != nil {
		err = fmt.Errorf("the watch ended: %s", r.fold.end.GetMessage())
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return err
}

// again tells whether another watch may go better.
func again(err error) bool {
	var failed *Error
	var stopping *stoppingError
	var mismatch *MismatchError
	return errors.Is(err, io.EOF) || errors.As(err, &stopping) || errors.As(err, &mismatch) ||
		errors.As(err, &failed) && failed.NotReachable()
}

func (r *Replica) count() {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.mismatches++
}

func (r *Replica) finish(err error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.err = err
	close(r.changed)
	r.changed = make(chan struct{})
}

func (t *tree) copy(journal string, revision int64) *State {
	copied := &State{JournalID: journal, Revision: revision, App: t.app}
	for _, name := range t.names {
		component := t.nodes[name].Component
		component.Vars = component.Vars.copy()
		copied.Components = append(copied.Components, component)
	}
	for _, run := range t.runs {
		copied.Runs = append(copied.Runs, run)
	}
	slices.SortFunc(copied.Runs, newestFirst)
	return copied
}
