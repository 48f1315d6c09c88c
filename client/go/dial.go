package flowrpc

import (
	"context"
	"crypto/tls"
	"io"
	"path/filepath"
	"strings"
	"time"

	"flowrpc.dev/go/flowrpcv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
)

const maxMessageBytes = 64 * 1024 * 1024

// Options say which app to talk to and how. The zero value finds the one running app of this user.
type Options struct {
	// Address is HOST:PORT or unix:PATH; empty: the app is found, and found again when it moves.
	Address string
	// DataDir and App (its name) choose one of several running apps.
	DataDir, App string
	// Token, or TokenFile that holds one, proves who calls. Found apps need neither.
	Token, TokenFile string
	// TLS encrypts the connection; without it a token is only sent within this host.
	TLS *tls.Config
	// Timeout is the deadline of calls whose context has none; zero means ten seconds.
	Timeout time.Duration
	// DialOptions are added to those of the client.
	DialOptions []grpc.DialOption
}

// Client talks to one app; safe for use from several goroutines.
type Client struct {
	conn    *grpc.ClientConn
	stub    flowrpcv1.FlowServiceClient
	timeout time.Duration
}

// Dial finds the app and makes a client of it; nothing is sent before the first call.
func Dial(options Options) (*Client, error) {
	options, err := find(options)
	if err != nil {
		return nil, err
	}
	token, err := options.token()
	if err != nil {
		return nil, err
	}
	if options.Timeout == 0 {
		options.Timeout = 10 * time.Second
	}
	client := &Client{timeout: options.Timeout}
	target := "passthrough:///" + options.Address
	switch {
	case options.DataDir != "":
		target = scheme + ":///" + filepath.ToSlash(options.DataDir)
	case strings.HasPrefix(options.Address, "unix:"):
		target = options.Address
	}
	client.conn, err = grpc.NewClient(target, client.dialOptions(options, token)...)
	if err != nil {
		return nil, err
	}
	client.stub = flowrpcv1.NewFlowServiceClient(client.conn)
	return client, nil
}

// Conn is the connection, for stubs that are generated from the app's own contract: they too carry the token, have a
// deadline, and return *Error.
func (c *Client) Conn() grpc.ClientConnInterface { return c.conn }

// FlowService calls what this package has no method for.
func (c *Client) FlowService() flowrpcv1.FlowServiceClient { return c.stub }

// Close closes the connection; streams and replicas of it end.
func (c *Client) Close() error { return c.conn.Close() }

func (c *Client) dialOptions(options Options, token string) []grpc.DialOption {
	made := []grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority(options.Address),
		grpc.WithUserAgent("flowrpc-go"),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes), grpc.MaxCallSendMsgSize(maxMessageBytes)),
		// A frozen service is noticed while a call or a watch is open. Ten seconds are the least that Go pings.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 2 * time.Second}),
		// A service that is started again is tried soon, not after two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.5, MaxDelay: time.Second},
			MinConnectTimeout: 5 * time.Second,
		}),
		grpc.WithResolvers(dataDirs{}),
		grpc.WithChainUnaryInterceptor(c.unary(token)),
		grpc.WithChainStreamInterceptor(stream(token)),
	}
	if options.TLS != nil {
		made = append(made, grpc.WithTransportCredentials(credentials.NewTLS(options.TLS)))
	}
	if strings.HasPrefix(options.Address, "unix:") {
		made = append(made, grpc.WithAuthority("localhost"))
	}
	if loopback(options.Address) { // a proxy of the environment must see neither these calls nor their token
		made = append(made, grpc.WithNoProxy())
	}
	return append(made, options.DialOptions...)
}

func authorized(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
}

func (c *Client) unary(token string) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, request, reply any, conn *grpc.ClientConn,
		invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if _, limited := ctx.Deadline(); !limited {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, c.timeout)
			defer cancel()
		}
		return translate(invoke(authorized(ctx, token), method, request, reply, conn, options...))
	}
}

func stream(token string) grpc.StreamClientInterceptor {
	return func(ctx context.Context, description *grpc.StreamDesc, conn *grpc.ClientConn, method string,
		open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
		opened, err := open(authorized(ctx, token), description, conn, method, options...)
		if err != nil {
			return nil, translate(err)
		}
		return translated{opened}, nil
	}
}

// translated is a stream whose errors are *Error.
type translated struct{ grpc.ClientStream }

func (t translated) RecvMsg(message any) error {
	err := t.ClientStream.RecvMsg(message)
	if err == io.EOF {
		return err
	}
	return translate(err)
}

// Methods that may be repeated without asking. Commands and updates are not here: the client repeats them itself, for
// longer and under one request id.
const serviceConfig = `{"methodConfig": [{
	"name": [
		{"service": "flowrpc.v1.FlowService", "method": "GetApp"},
		{"service": "flowrpc.v1.FlowService", "method": "GetState"},
		{"service": "flowrpc.v1.FlowService", "method": "WatchState"},
		{"service": "flowrpc.v1.FlowService", "method": "ListCommands"},
		{"service": "flowrpc.v1.FlowService", "method": "ListWorks"},
		{"service": "flowrpc.v1.FlowService", "method": "ListAgents"},
		{"service": "flowrpc.v1.FlowService", "method": "ListRuns"},
		{"service": "flowrpc.v1.FlowService", "method": "CancelRun"},
		{"service": "flowrpc.v1.FlowService", "method": "DrainAgent"},
		{"service": "flowrpc.v1.FlowService", "method": "StreamLogs"}
	],
	"retryPolicy": {
		"maxAttempts": 4, "initialBackoff": "0.05s", "maxBackoff": "0.5s", "backoffMultiplier": 2,
		"retryableStatusCodes": ["UNAVAILABLE"]
	}
}]}`

// scheme names data directories: an app that is started again may have another address, and is found there.
const scheme = "flowrpc"

type dataDirs struct{}

func (dataDirs) Scheme() string { return scheme }

func (dataDirs) Build(target resolver.Target, conn resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	made := dataDir{path: filepath.FromSlash(target.URL.Path), conn: conn}
	made.ResolveNow(resolver.ResolveNowOptions{})
	return made, nil
}

type dataDir struct {
	path string
	conn resolver.ClientConn
}

// ResolveNow is called whenever a connection is lost. While no app runs the old address stays, and calls are refused there.
func (d dataDir) ResolveNow(resolver.ResolveNowOptions) {
	found, running := readEntry(filepath.Join(d.path, "app.json"))
	if !running {
		d.conn.ReportError(ErrNotFound)
		return
	}
	address := resolver.Address{Addr: found.Address}
	_ = d.conn.UpdateState(resolver.State{Addresses: []resolver.Address{address}})
}

func (dataDir) Close() {}
