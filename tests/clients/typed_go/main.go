// A till: what a stranger writes who has nothing but the contract of an app and the Go client.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	flowrpc "flowrpc.dev/go"
	"google.golang.org/protobuf/proto"

	"example.com/till/shopv1"
)

func main() {
	log.SetFlags(0)
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	client, err := flowrpc.Dial(flowrpc.Options{DataDir: os.Args[1]})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := run(ctx, shopv1.NewRootServiceClient(client.Conn())); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, shop shopv1.RootServiceClient) error {
	counted, err := shop.Count(ctx, &shopv1.CountRequest{})
	if err != nil {
		return err
	}
	fmt.Println("counted", counted.GetResult())
	_, err = shop.Fail(ctx, &shopv1.FailRequest{Text: proto.String("typed")})
	fmt.Println("failed", flowrpc.ReasonOf(err))
	_, err = shop.Fail(ctx, &shopv1.FailRequest{})
	fmt.Println("refused", flowrpc.ReasonOf(err))
	if err := read(ctx, shop); err != nil {
		return err
	}
	watch, err := shop.WatchState(ctx, &shopv1.WatchStateRequest{})
	if err != nil {
		return err
	}
	for {
		told, err := watch.Recv()
		if err != nil {
			return err
		}
		if told.GetState().GetCounted() >= counted.GetResult() {
			fmt.Println("watched", told.GetState().GetCounted())
			return nil
		}
	}
}

// read reads one stream to its end and leaves another one.
func read(ctx context.Context, shop shopv1.RootServiceClient) error {
	rows, err := shop.Rows(ctx, &shopv1.RowsRequest{Start: proto.Int64(1<<53 + 1), Fail: proto.String("typed")})
	if err != nil {
		return err
	}
	for {
		told, err := rows.Recv()
		if err != nil {
			fmt.Println("failed", flowrpc.ReasonOf(err))
			break
		}
		fmt.Println("row", told.GetItem().GetNumber(), told.GetItem().GetName())
	}
	leaving, leave := context.WithCancel(ctx)
	defer leave()
	ticks, err := shop.Ticks(leaving, &shopv1.TicksRequest{})
	if err != nil {
		return err
	}
	if _, err := ticks.Recv(); err != nil {
		return err
	}
	leave()
	for state := (*shopv1.RootState)(nil); state.GetLeft() == 0; {
		told, err := shop.GetState(ctx, &shopv1.GetStateRequest{})
		if err != nil {
			return err
		}
		state = told.GetState()
	}
	fmt.Println("left")
	return nil
}
