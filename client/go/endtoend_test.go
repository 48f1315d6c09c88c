package flowrpc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/big"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"flowrpc.dev/go/flowrpcv1"
)

// realApp is an app that tests/clients/test_go.py serves; without it these tests are skipped.
func realApp(t *testing.T, options Options) (context.Context, *Client) {
	t.Helper()
	options.DataDir = os.Getenv("FLOWRPC_TEST_DATA_DIR")
	if options.DataDir == "" {
		t.Skip("no app: tests/clients/test_go.py serves one and sets FLOWRPC_TEST_DATA_DIR")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Second)
	t.Cleanup(cancel)
	client, err := Dial(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return ctx, client
}

func call(t *testing.T, ctx context.Context, client *Client, command string, args map[string]any) *Answer {
	t.Helper()
	answer, err := client.Call(ctx, command, args)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestAppEveryValueComesBack(t *testing.T) {
	ctx, client := realApp(t, Options{})
	replica := client.Replicate(ctx, "root")
	defer replica.Close()
	huge, _ := new(big.Int).SetString("-123456789012345678901234567890", 10)
	for _, value := range []any{
		nil, true, false, int64(1<<53 + 1), int64(-1 << 63), huge, 1.0, negativeZero(), 5e-324, "", "a\u0308 \U0001f600\x00",
		[]any{}, NewMap(), NewMap(Entry{"b", int64(1)}, Entry{"a", []any{nil, NewMap(Entry{"", "x"})}}),
		Extension{TypeName: "point", Content: []any{int64(1), 2.5}},
	} {
		answer := call(t, ctx, client, "keep", map[string]any{"value": value})
		sameValue(t, answer.Result, value)
		if err := replica.WaitFor(ctx, answer.Revision); err != nil {
			t.Fatal(err)
		}
		kept, _ := replica.Vars("root").Get("kept")
		sameValue(t, kept, value)
	}
	if state, err := client.State(ctx, "root"); err != nil || state.Revision < replica.Revision() {
		t.Fatal(state, err)
	}
}

func TestAppErrorsHaveReasons(t *testing.T) {
	ctx, client := realApp(t, Options{})
	_, err := client.Call(ctx, "keeep", nil)
	var refused *Error
	if !errors.As(err, &refused) || refused.Reason != "UNKNOWN_COMMAND" || refused.Metadata["suggestion"] != "keep" {
		t.Fatalf("%#v", err)
	}
	if status.Code(err) != codes.NotFound {
		t.Fatal(status.Code(err))
	}
	if _, err = client.Call(ctx, "keep", map[string]any{"valeu": 1}); ReasonOf(err) != "INVALID_ARGUMENTS" {
		t.Fatal(err)
	}
	var failed *CommandFailed
	_, err = client.Call(ctx, "fail", map[string]any{"text": "näh"})
	if !errors.As(err, &failed) || failed.Failure.GetMessage() != "näh" || failed.Failure.GetType() != "ValueError" {
		t.Fatal(err)
	}
	_, err = client.FlowService().GetState(ctx, &flowrpcv1.GetStateRequest{Component: "root.x"})
	if ReasonOf(err) != "UNKNOWN_COMPONENT" {
		t.Fatal(err)
	}
	var value *ValueError
	if _, err = client.Call(ctx, "keep", map[string]any{"value": make(chan int)}); !errors.As(err, &value) || value.Place != "arguments.value" {
		t.Fatal(err)
	}
}

func TestAppRefusesAWrongToken(t *testing.T) {
	ctx, client := realApp(t, Options{Token: "wrong"})
	if _, err := client.Call(ctx, "keep", map[string]any{"value": 1}); ReasonOf(err) != "UNAUTHENTICATED" {
		t.Fatal(err)
	}
	replica := client.Replicate(ctx, "root")
	defer replica.Close()
	if err := replica.WaitFor(ctx, 1); ReasonOf(err) != "UNAUTHENTICATED" {
		t.Fatal(err)
	}
}

func TestAppAnswersARepeatOnce(t *testing.T) {
	ctx, client := realApp(t, Options{})
	id := NewRequestID()
	first, err := client.Call(ctx, "count", nil, WithRequestID(id))
	if err != nil {
		t.Fatal(err)
	}
	second, err := client.Call(ctx, "count", nil, WithRequestID(id))
	if err != nil || !second.Replayed || first.Replayed || second.Result != first.Result {
		t.Fatal(first, second, err)
	}
	_, err = client.Call(ctx, "keep", map[string]any{"value": 1}, WithRequestID(id))
	if ReasonOf(err) != "REQUEST_ID_REUSED" {
		t.Fatal(err)
	}
}

func TestAppIsUpdatedAndFollowed(t *testing.T) {
	ctx, client := realApp(t, Options{})
	replica := client.Replicate(ctx, "root")
	defer replica.Close()
	if _, err := client.Update(ctx, "root", map[string]any{"kept": []int{1, 2}}); err != nil {
		t.Fatal(err)
	}
	for range 20 { // splices
		call(t, ctx, client, "append", map[string]any{"item": "\U0001f600"})
	}
	answer := call(t, ctx, client, "hire", map[string]any{"name": "ann"})
	if err := replica.WaitFor(ctx, answer.Revision); err != nil {
		t.Fatal(err)
	}
	if kept, _ := replica.Vars("root").Get("kept"); len(kept.([]any)) != 22 || replica.Vars("root.team.ann") == nil {
		t.Fatal(kept, replica.State())
	}
	told, err := client.FlowService().GetState(ctx, &flowrpcv1.GetStateRequest{WithStateHash: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := replica.WaitFor(ctx, told.GetRevision()); err != nil {
		t.Fatal(err)
	}
	if replica.Revision() != told.GetRevision() || replica.StateHash() != told.GetStateHash() {
		t.Fatal(replica.Revision(), told.GetRevision(), replica.StateHash(), told.GetStateHash())
	}
}

func TestAppStreamsItems(t *testing.T) {
	ctx, client := realApp(t, Options{})
	replica := client.Replicate(ctx, "root")
	defer replica.Close()
	var last Item
	for item, err := range client.Stream(ctx, "rows", map[string]any{"start": int64(1<<53 + 1)}) {
		if err != nil {
			t.Fatal(err)
		}
		last = item
	}
	number := int64(1<<53 + 3)
	sameValue(t, last.Value, NewMap(Entry{"number", number}, Entry{"name", fmt.Sprintf("n\u00e9e \U0001f600 %d", number)}))
	if err := replica.WaitFor(ctx, last.Revision); err != nil {
		t.Fatal(err)
	}
	if told, _ := replica.Vars("root").Get("told"); told != int64(3) {
		t.Fatal(told)
	}
	values := []any{nil, int64(1<<53 + 1), 1.0, "a\u0308 \U0001f600\x00", NewMap(Entry{"b", int64(1)}, Entry{"a", []any{}})}
	read, err := collect(client.Stream(ctx, "each", map[string]any{"values": values}))
	if err != nil {
		t.Fatal(err)
	}
	sameValue(t, read, values)
}

func TestAppStreamEndsWithItsError(t *testing.T) {
	ctx, client := realApp(t, Options{})
	read, err := collect(client.Stream(ctx, "rows", map[string]any{"fail": "n\u00e4h"}))
	var failed *CommandFailed
	if !errors.As(err, &failed) || failed.Command != "rows" || failed.Failure.GetType() != "ValueError" || failed.Failure.GetMessage() != "n\u00e4h" {
		t.Fatal(err)
	}
	if len(read) != 3 || failed.Revision == 0 {
		t.Fatal(read, failed)
	}
	if state, err := client.State(ctx, "root"); err != nil {
		t.Fatal(err)
	} else if told, _ := state.Vars("root").Get("told"); told != int64(3) { // what came after the items was undone
		t.Fatal(told)
	}
	for command, reason := range map[string]string{"rowz": "UNKNOWN_COMMAND", "count": "WRONG_METHOD"} {
		if read, err := collect(client.Stream(ctx, command, nil)); ReasonOf(err) != reason || read != nil {
			t.Fatal(read, err)
		}
	}
	if _, err := client.Call(ctx, "rows", nil); ReasonOf(err) != "WRONG_METHOD" {
		t.Fatal(err)
	}
}

func TestAppStreamIsLeft(t *testing.T) {
	ctx, client := realApp(t, Options{})
	replica := client.Replicate(ctx, "root")
	defer replica.Close()
	for item, err := range client.Stream(ctx, "ticks", nil) {
		if err != nil {
			t.Fatal(err)
		}
		if item.Value == int64(20) { // more than the app sends to one who does not read
			break
		}
	}
	left := func(view View) bool {
		left, _ := view.Var("root", "left")
		reading, _ := view.Var("root", "reading")
		return left == int64(1) && reading == int64(0)
	}
	if err := replica.Wait(ctx, left); err != nil {
		t.Fatal(err)
	}
}

// TestAppComesBack is told by its standard input that the app was killed and started again, at another address.
func TestAppComesBack(t *testing.T) {
	ctx, client := realApp(t, Options{})
	replica := client.Replicate(ctx, "root")
	defer replica.Close()
	before := call(t, ctx, client, "count", nil)
	if err := replica.WaitFor(ctx, before.Revision); err != nil {
		t.Fatal(err)
	}
	fmt.Println("kill it")
	if line, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		t.Fatal(line, err)
	}
	after := call(t, ctx, client, "count", nil) // sent while the app is away
	if after.Result != before.Result.(int64)+1 {
		t.Fatal(before, after)
	}
	if err := replica.WaitFor(ctx, after.Revision); err != nil {
		t.Fatal(err)
	}
	if counted, _ := replica.Vars("root").Get("counted"); counted != after.Result || replica.Mismatches() != 0 {
		t.Fatal(counted, replica.Mismatches())
	}
}
