package dev.flowrpc.client;

/**
 * What a command returned.
 *
 * @param result a value, see {@link Values}
 * @param revision holds what the command did: a replica that is there has seen it
 * @param replayed whether an earlier request of the same id was answered
 */
public record Answer(Object result, long revision, boolean replayed) {}
