package flowrpc

import (
	"fmt"

	"flowrpc.dev/go/flowrpcv1"
)

// MismatchError tells that a replica differs from the app's state at the same revision, by their hashes: it missed or
// misread a change. It begins anew with a snapshot.
type MismatchError struct {
	Revision  int64
	Own, Told string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the replica at revision %d has the hash %.16s…, the app %.16s…", e.Revision, e.Own, e.Told)
}

// stoppingError tells that the service stops, and the app goes on when it is served again.
type stoppingError struct{ message string }

func (e *stoppingError) Error() string { return e.message }

// fold is a replica without a stream: it is told message by message.
type fold struct {
	state    *tree
	revision int64
	journal  string
	ready    bool
	end      *flowrpcv1.WatchEnd

	snapshot *tree                 // of which not all parts are here
	partial  []*flowrpcv1.Revision // of which not all parts are here
}

func newFold() *fold { return &fold{state: newTree()} }

// resume makes the request that goes on where the fold is, and drops what came in parts without an end.
func (f *fold) resume(component string) *flowrpcv1.WatchStateRequest {
	f.snapshot, f.partial = nil, nil
	request := &flowrpcv1.WatchStateRequest{Component: component}
	if f.ready {
		request.AfterRevision, request.JournalId = &f.revision, f.journal
	}
	return request
}

// take takes the next message of a watch.
func (f *fold) take(message *flowrpcv1.WatchStateResponse) error {
	revision, isRevision := message.GetUpdate().(*flowrpcv1.WatchStateResponse_Revision)
	if isRevision {
		return f.takeRevision(revision.Revision, message.GetMore())
	}
	f.partial = nil // a snapshot takes its place
	switch update := message.GetUpdate().(type) {
	case *flowrpcv1.WatchStateResponse_Snapshot:
		return f.takeSnapshot(update.Snapshot)
	case *flowrpcv1.WatchStateResponse_Bookmark:
		return f.takeBookmark(update.Bookmark)
	case *flowrpcv1.WatchStateResponse_End:
		return f.takeEnd(update.End)
	default: // a newer service may say what this version does not know
		return nil
	}
}

func (f *fold) takeSnapshot(part *flowrpcv1.Snapshot) error {
	if part.GetFirst() || f.snapshot == nil {
		f.snapshot = newTree()
		f.snapshot.app = part.GetApp()
	}
	if err := f.snapshot.add(part.GetComponents()); err != nil {
		return err
	}
	f.snapshot.addRuns(part.GetRuns())
	if !part.GetLast() {
		return nil // the old state stays until the last part is here
	}
	f.state, f.snapshot = f.snapshot, nil
	f.revision, f.journal, f.ready = part.GetRevision(), part.GetJournalId(), true
	return f.compare(part.GetStateHash())
}

func (f *fold) takeRevision(part *flowrpcv1.Revision, more bool) error {
	place := fmt.Sprintf("revision %d", part.GetNumber())
	switch {
	case part.GetNumber() < 1 || part.GetTime() == nil:
		return refuse(place, "has no number or no time; set both")
	case len(f.partial) > 0 && f.partial[0].GetNumber() != part.GetNumber():
		return refuse(place, "comes before the end of %d; watch again", f.partial[0].GetNumber())
	case !f.ready || part.GetNumber() <= f.revision:
		return refuse(place, "does not follow %d; watch again", f.revision)
	}
	f.partial = append(f.partial, part)
	if more {
		return nil
	}
	whole := joined(f.partial)
	f.partial = nil
	if err := f.state.fold(whole); err != nil {
		f.ready = false
		return err
	}
	f.revision = part.GetNumber()
	return nil
}

// joined adds up the lists of parts.
func joined(parts []*flowrpcv1.Revision) *flowrpcv1.Revision {
	if len(parts) == 1 {
		return parts[0]
	}
	whole := &flowrpcv1.Revision{Number: parts[0].GetNumber(), Time: parts[0].GetTime()}
	for _, part := range parts {
		whole.Deltas = append(whole.Deltas, part.GetDeltas()...)
		whole.Runs = append(whole.Runs, part.GetRuns()...)
		whole.ForgottenRuns = append(whole.ForgottenRuns, part.GetForgottenRuns()...)
		if whole.App == nil {
			whole.App = part.GetApp()
		}
	}
	return whole
}

func (f *fold) takeBookmark(bookmark *flowrpcv1.Bookmark) error {
	place := fmt.Sprintf("bookmark %d", bookmark.GetRevision())
	if !f.ready || bookmark.GetRevision() < f.revision {
		return refuse(place, "is before %d; watch again", f.revision)
	}
	if bookmark.GetJournalId() != f.journal {
		return refuse(place, "is of another journal, %s; watch again", bookmark.GetJournalId())
	}
	f.revision = bookmark.GetRevision()
	return f.compare(bookmark.GetStateHash())
}

func (f *fold) takeEnd(end *flowrpcv1.WatchEnd) error {
	if end.GetReason() == flowrpcv1.WatchEndReason_WATCH_END_REASON_SERVICE_STOPPING {
		return &stoppingError{message: end.GetMessage()}
	}
	f.end = end
	if end.GetApp() != nil {
		f.state.app = end.GetApp()
	}
	return nil
}

func (f *fold) compare(told string) error {
	if told == "" {
		return nil
	}
	if own := stateHash(f.state); own != told {
		f.ready = false
		return &MismatchError{Revision: f.revision, Own: own, Told: told}
	}
	return nil
}
