package flowrpc

import (
	"context"
	"errors"
	"time"

	"flowrpc.dev/go/flowrpcv1"
)

// Answer is what a command returned.
type Answer struct {
	Result any
	// Revision holds what the command did: a replica that is there has seen it.
	Revision int64
	// Replayed tells that an earlier request of the same id was answered.
	Replayed bool
}

// CallOption changes one call.
type CallOption func(*callOptions)

type callOptions struct{ requestID string }

// WithRequestID gives the id of the request, so that a repeat after a crash of the caller happens once. See NewRequestID.
func WithRequestID(id string) CallOption { return func(o *callOptions) { o.requestID = id } }

// Call calls a command and waits until what it did is durable. It is tried again under one id, so that it happens once,
// until the app answers or the context, by default Options.Timeout, is over. It returns *CommandFailed if the command
// raised, *Error if it was refused, *ValueError if an argument is no value.
func (c *Client) Call(ctx context.Context, command string, args map[string]any, options ...CallOption) (*Answer, error) {
	entries, err := arguments(args)
	if err != nil {
		return nil, err
	}
	chosen := &callOptions{requestID: NewRequestID()}
	for _, option := range options {
		option(chosen)
	}
	request := &flowrpcv1.CallCommandRequest{
		Command: command, Arguments: entries, RequestId: chosen.requestID,
	}
	response, err := repeat(ctx, c.timeout, func(ctx context.Context) (*flowrpcv1.CallCommandResponse, error) {
		return c.stub.CallCommand(ctx, request)
	})
	if err != nil {
		return nil, err
	}
	if failure := response.GetFailure(); failure != nil {
		return nil, &CommandFailed{Command: command, Failure: failure, Revision: response.GetRevision()}
	}
	result, err := FromValue(response.GetResult())
	return &Answer{Result: result, Revision: response.GetRevision(), Replayed: response.GetReplayed()}, err
}

// arguments makes the entries of a request; an error names its place in the arguments.
func arguments(args map[string]any) ([]*flowrpcv1.MapEntry, error) {
	message, err := ToValue(args)
	if err != nil {
		var refused *ValueError
		if errors.As(err, &refused) {
			refused.Place = "arguments" + refused.Place[len("value"):]
		}
		return nil, err
	}
	return message.GetMapValue().GetEntries(), nil
}

// Update sets vars of a component from outside, all or none, and returns the revision that holds them.
func (c *Client) Update(ctx context.Context, component string, vars map[string]any) (int64, error) {
	message, err := ToValue(vars)
	if err != nil {
		return 0, err
	}
	request := &flowrpcv1.UpdateStateRequest{Component: component, RequestId: NewRequestID()}
	for _, entry := range message.GetMapValue().GetEntries() {
		operation := &flowrpcv1.Change_Value{Value: entry.GetValue()}
		request.Changes = append(request.Changes, &flowrpcv1.Change{Var: entry.GetKey(), Operation: operation})
	}
	response, err := repeat(ctx, c.timeout, func(ctx context.Context) (*flowrpcv1.UpdateStateResponse, error) {
		return c.stub.UpdateState(ctx, request)
	})
	return response.GetRevision(), err
}

// State reads the state of a component and everything below it.
func (c *Client) State(ctx context.Context, component string) (*State, error) {
	response, err := c.stub.GetState(ctx, &flowrpcv1.GetStateRequest{Component: component})
	if err != nil {
		return nil, err
	}
	read := newTree()
	if err := read.add(response.GetComponents()); err != nil {
		return nil, err
	}
	read.addRuns(response.GetRuns())
	return read.copy(response.GetJournalId(), response.GetRevision()), nil
}

// repeat sends a request that carries a request id until it is answered or the time is over.
func repeat[T any](ctx context.Context, timeout time.Duration, send func(context.Context) (T, error)) (T, error) {
	if _, limited := ctx.Deadline(); !limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	pauses := newPauses(time.Second)
	for {
		answer, err := send(ctx)
		var failed *Error
		if err == nil || !errors.As(err, &failed) || !failed.NotReachable() || !wait(ctx, pauses.next()) {
			return answer, err
		}
	}
}
