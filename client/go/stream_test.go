package flowrpc

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"flowrpc.dev/go/flowrpcv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// counting yields integers until its reader leaves, or as many as it is told and then an error.
type counting struct {
	flowrpcv1.UnimplementedFlowServiceServer
	items   int64 // negative: no end
	err     error
	calls   atomic.Int64
	limited bool
	left    chan struct{}
	leaving sync.Once
}

func (c *counting) StreamCommand(
	_ *flowrpcv1.StreamCommandRequest, stream grpc.ServerStreamingServer[flowrpcv1.StreamCommandResponse],
) error {
	defer c.leaving.Do(func() { close(c.left) })
	c.calls.Add(1)
	_, c.limited = stream.Context().Deadline()
	for number := int64(0); number != c.items; number++ {
		item, _ := ToValue(number)
		content := &flowrpcv1.StreamCommandResponse_Item{Item: item}
		if err := stream.Send(&flowrpcv1.StreamCommandResponse{Content: content, Revision: number + 7}); err != nil {
			return err
		}
	}
	if c.err == nil {
		<-stream.Context().Done()
	}
	return c.err
}

func counts(items int64, err error) *counting {
	return &counting{items: items, err: err, left: make(chan struct{})}
}

func TestStreamThatBreaksIsNotRepeated(t *testing.T) {
	for _, items := range []int64{0, 2} {
		service := counts(items, status.Error(codes.Unavailable, "broken"))
		read, last := collect(serve(t, service).Stream(context.Background(), "rows", nil))
		var failed *Error
		if !errors.As(last, &failed) || failed.Code() != codes.Unavailable || !failed.NotReachable() {
			t.Fatal(last)
		}
		if int64(len(read)) != items || service.calls.Load() != 1 {
			t.Fatal(read, service.calls.Load())
		}
	}
}

func TestLeavingAStreamCancelsItsCall(t *testing.T) {
	service := counts(-1, nil)
	client := serve(t, service)
	for item, err := range client.Stream(context.Background(), "rows", nil) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Value == int64(2) {
			if item.Revision != 9 {
				t.Fatal(item)
			}
			break
		}
	}
	select {
	case <-service.left:
	case <-time.After(time.Minute):
		t.Fatal("the call goes on")
	}
	if service.limited {
		t.Fatal("a stream has a deadline that nobody asked for")
	}
}

func TestStreamMayTakeAsLongAsItsContext(t *testing.T) {
	service := counts(1, nil)
	client := serve(t, service)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	_, last := collect(client.Stream(ctx, "rows", nil))
	var failed *Error
	if !errors.As(last, &failed) || failed.Code() != codes.DeadlineExceeded {
		t.Fatal(last)
	}
}

func TestWhatIsNoValueOpensNoStream(t *testing.T) {
	service := counts(0, nil)
	read, last := collect(serve(t, service).Stream(context.Background(), "rows", map[string]any{"a": make(chan int)}))
	var refused *ValueError
	if !errors.As(last, &refused) || refused.Place != "arguments.a" || len(read) != 0 || service.calls.Load() != 0 {
		t.Fatal(read, last, service.calls.Load())
	}
}

func collect(stream func(func(Item, error) bool)) (read []any, last error) {
	for item, err := range stream {
		if err != nil {
			last = err
			continue // nothing may come after it
		}
		read = append(read, item.Value)
	}
	return read, last
}
