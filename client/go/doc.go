// Package flowrpc is the client of apps that flowrpc serves: it calls their commands and follows their state.
//
//	client, err := flowrpc.Dial(flowrpc.Options{})   // the one running app of this user
//	answer, err := client.Call(ctx, "add", map[string]any{"name": "ann"})
//	replica := client.Replicate(ctx, "root")
//	err = replica.Wait(ctx, func(view flowrpc.View) bool { ... })
//
// State, arguments and results are values: nil, bool, int64, *big.Int, float64, string, []any, *Map (which keeps the order
// of its entries) and Extension. What a call of the contract means is told in package flowrpcv1, which is generated.
package flowrpc
