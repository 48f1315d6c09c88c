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
