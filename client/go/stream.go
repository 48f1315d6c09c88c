package flowrpc

import (
	"context"
	"io"
	"iter"

	"flowrpc.dev/go/flowrpcv1"
)

// Item is what a command that streams yielded.
type Item struct {
	Value any
	// Revision holds what the command did up to the item: a replica that is there has seen it.
	Revision int64
}

// Stream calls a command that streams, and yields its items as they come, each when what was done up to it is durable:
//
//	for item, err := range client.Stream(ctx, "rows", nil) {
//		if err != nil {
//			return err
//		}
//		fmt.Println(item.Value)
//	}
//
// An error is the last that it yields, *CommandFailed if the command raised after the items before. Leaving the loop
// closes the command. It is never tried again, and may take as long as the context: each loop is one call.
func (c *Client) Stream(ctx context.Context, command string, args map[string]any) iter.Seq2[Item, error] {
	return func(yield func(Item, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel() // of a stream that is not read to its end
		call, err := c.openStream(ctx, command, args)
		for err == nil {
			var item Item
			if item, err = receive(call, command); err == nil && !yield(item, nil) {
				return
			}
		}
		if err != io.EOF {
			yield(Item{}, err)
		}
	}
}

type itemStream interface {
	Recv() (*flowrpcv1.StreamCommandResponse, error)
}

func (c *Client) openStream(ctx context.Context, command string, args map[string]any) (itemStream, error) {
	entries, err := arguments(args)
	if err != nil {
		return nil, err
	}
	return c.stub.StreamCommand(ctx, &flowrpcv1.StreamCommandRequest{Command: command, Arguments: entries})
}

func receive(call itemStream, command string) (Item, error) {
	message, err := call.Recv()
	if err != nil {
		return Item{}, err
	}
	if failure := message.GetFailure(); failure != nil {
		return Item{}, &CommandFailed{Command: command, Failure: failure, Revision: message.GetRevision()}
	}
	value, err := FromValue(message.GetItem())
	return Item{Value: value, Revision: message.GetRevision()}, err
}
