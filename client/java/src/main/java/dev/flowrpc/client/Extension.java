package dev.flowrpc.client;

/**
 * A value of a named type that JSON has not, such as a reference to a file. It is kept as it is.
 *
 * @param typeName lower-case letters, digits and {@code _}, at most 63
 * @param content a value
 */
public record Extension(String typeName, Object content) {}
