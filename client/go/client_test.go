package flowrpc

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"flowrpc.dev/go/flowrpcv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
)

func TestWhatIsNoValueIsRefused(t *testing.T) {
	cyclic := []any{nil}
	cyclic[0] = cyclic
	for name, value := range map[string]any{
		"nan": math.NaN(), "infinity": math.Inf(-1), "struct": struct{ A int }{1}, "bytes": []byte("x"), "channel": make(chan int),
		"no UTF-8": "\xff", "key that is no UTF-8": map[string]any{"\xff": 1}, "keys that are no text": map[int]any{1: 1},
		"cycle": cyclic, "extension without a name": Extension{},
	} {
		var refused *ValueError
		if _, err := ToValue(value); !errors.As(err, &refused) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestGoTypesBecomeValues(t *testing.T) {
	type celsius float32
	for _, pair := range [][2]any{
		{uint64(math.MaxUint64), integer("18446744073709551615")}, {int8(-3), int64(-3)}, {celsius(0.5), 0.5},
		{[]string{"a"}, []any{"a"}}, {map[string]int{"b": 1, "a": 2}, NewMap(Entry{"a", int64(2)}, Entry{"b", int64(1)})},
	} {
		message, err := ToValue(pair[0])
		if err != nil {
			t.Fatal(err)
		}
		read, err := FromValue(message)
		if err != nil {
			t.Fatal(err)
		}
		sameValue(t, read, pair[1])
	}
}

func TestRequestIDsAreUUIDv7OfNow(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	first, second := NewRequestID(), NewRequestID()
	if !form.MatchString(first) || first == second {
		t.Fatal(first, second)
	}
}

func TestPausesGrowAndDiffer(t *testing.T) {
	made := newPauses(time.Second)
	bound := 50 * time.Millisecond
	for range 10 {
		if pause := made.next(); pause < bound/2 || pause > bound {
			t.Fatalf("%v is not between the half of %v and it", pause, bound)
		}
		bound = min(2*bound, time.Second)
	}
}

func TestTokenStaysOnThisHostWithoutTLS(t *testing.T) {
	_, err := Dial(Options{Address: "203.0.113.7:443", Token: "secret"})
	if err == nil || !strings.Contains(err.Error(), "only sent encrypted") {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(Options{Address: "127.0.0.1:1", TokenFile: file}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Fatal(err)
	}
}

func TestNoAppIsFound(t *testing.T) {
	t.Setenv("FLOWRPC_RUN_DIR", t.TempDir())
	if _, err := Dial(Options{}); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "flowctl run") {
		t.Fatal(err)
	}
}

// flaky refuses the first calls as a service that is being started again does.
type flaky struct {
	flowrpcv1.UnimplementedFlowServiceServer
	calls atomic.Int64
	ids   chan string
	code  codes.Code
}

func (f *flaky) CallCommand(_ context.Context, request *flowrpcv1.CallCommandRequest) (*flowrpcv1.CallCommandResponse, error) {
	f.ids <- request.GetRequestId()
	if f.calls.Add(1) < 3 {
		return nil, status.Error(f.code, "not yet")
	}
	return &flowrpcv1.CallCommandResponse{Outcome: &flowrpcv1.CallCommandResponse_Result{
		Result: &flowrpcv1.Value{Kind: &flowrpcv1.Value_NullValue{}},
	}}, nil
}

func serve(t *testing.T, service flowrpcv1.FlowServiceServer) *Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// Otherwise the client's signs of life are too many for it, and end what is open after half a minute.
	server := grpc.NewServer(grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second}))
	flowrpcv1.RegisterFlowServiceServer(server, service)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	client, err := Dial(Options{Address: listener.Addr().String(), Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestCommandIsRepeatedUnderOneID(t *testing.T) {
	service := &flaky{ids: make(chan string, 10), code: codes.Unavailable}
	if _, err := serve(t, service).Call(context.Background(), "add", nil); err != nil {
		t.Fatal(err)
	}
	first := <-service.ids
	if second, third := <-service.ids, <-service.ids; first != second || second != third {
		t.Fatal(first, second, third)
	}
}

func TestRefusedCommandIsNotRepeated(t *testing.T) {
	service := &flaky{ids: make(chan string, 10), code: codes.InvalidArgument}
	var refused *Error
	if _, err := serve(t, service).Call(context.Background(), "add", nil); !errors.As(err, &refused) {
		t.Fatal(err)
	}
	if refused.Code() != codes.InvalidArgument || service.calls.Load() != 1 {
		t.Fatal(refused, service.calls.Load())
	}
}
