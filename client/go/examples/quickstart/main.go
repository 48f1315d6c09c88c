// Quickstart calls a command of the one running app of this user and waits until its state shows it.
//
//	go run ./examples/quickstart add '{"name": "ann"}'
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	flowrpc "flowrpc.dev/go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: quickstart COMMAND ARGUMENTS_AS_JSON")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(command, arguments string) error {
	var args map[string]any
	if err := json.Unmarshal([]byte(arguments), &args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := flowrpc.Dial(flowrpc.Options{})
	if err != nil {
		return err
	}
	defer client.Close()

	replica := client.Replicate(ctx, "root")
	defer replica.Close()
	answer, err := client.Call(ctx, command, args)
	if err != nil {
		return err
	}
	if err := replica.WaitFor(ctx, answer.Revision); err != nil {
		return err
	}
	for name, value := range replica.Vars("root").All() {
		text, _ := json.Marshal(value)
		fmt.Printf("%s = %s\n", name, text)
	}
	return nil
}
