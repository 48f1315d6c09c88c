/**
 * The client of apps that flowrpc serves: it calls their commands and follows their state.
 *
 * <pre>{@code
 * try (FlowClient client = FlowClient.connect();       // the one running app of this user
 *      Replica replica = client.replicate("root")) {
 *     Answer answer = client.call("add", Map.of("name", "ann"));
 *     replica.awaitRevision(answer.revision(), Duration.ofSeconds(10));
 *     Object count = replica.vars("root").get("count");
 * }
 * }</pre>
 *
 * <p>State, arguments and results are values; {@link dev.flowrpc.client.Values} tells which Java types they have. What a
 * call of the contract means is told in package {@code dev.flowrpc.v1}, which is generated.
 */
package dev.flowrpc.client;
