package dev.flowrpc.client;

import io.grpc.EquivalentAddressGroup;
import io.grpc.NameResolver;
import io.grpc.NameResolverProvider;
import io.grpc.Status;
import io.grpc.StatusOr;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.URI;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Resolves {@code flowrpc:///DATA_DIR}: an app that is started again may have another address, and is found there. It is
 * public because gRPC finds it by its name in {@code META-INF/services}.
 */
public final class DataDirResolverProvider extends NameResolverProvider {
    static final String SCHEME = "flowrpc";
    private static final int PRIORITY = 5;

    @Override
    public NameResolver newNameResolver(URI target, NameResolver.Args args) {
        return SCHEME.equals(target.getScheme()) ? new DataDirResolver(Path.of(target.getPath())) : null;
    }

    @Override
    public String getDefaultScheme() {
        return SCHEME;
    }

    @Override
    public Collection<Class<? extends SocketAddress>> getProducedSocketAddressTypes() {
        return Set.of(InetSocketAddress.class);
    }

    @Override
    protected boolean isAvailable() {
        return true;
    }

    @Override
    protected int priority() {
        return PRIORITY;
    }

    private static final class DataDirResolver extends NameResolver {
        private final Path dataDir;
        private Listener2 listener;
        private String told = "";

        DataDirResolver(Path dataDir) {
            this.dataDir = dataDir;
        }

        @Override
        public String getServiceAuthority() {
            return "localhost";
        }

        @Override
        public void start(Listener2 chosen) {
            listener = chosen;
            refresh();
        }

        /** Is called whenever a connection is lost. While no app runs the old address stays, and calls are refused there. */
        @Override
        public void refresh() {
            Optional<String> address = RunningApp.of(dataDir)
                    .map(RunningApp::address)
                    .filter(each -> !each.startsWith(Target.UNIX)); // this kind of channel dials TCP only
            if (address.isPresent()) {
                told = address.get();
            } else if (told.isEmpty()) {
                String problem = "no app runs on data directory " + dataDir;
                listener.onResult2(result(StatusOr.fromStatus(Status.UNAVAILABLE.withDescription(problem))));
                return;
            }
            listener.onResult2(result(StatusOr.fromValue(List.of(new EquivalentAddressGroup(socketAddress(told))))));
        }

        @Override
        public void shutdown() {} // nothing is open

        private static ResolutionResult result(StatusOr<List<EquivalentAddressGroup>> addresses) {
            return ResolutionResult.newBuilder().setAddressesOrError(addresses).build();
        }

        private static SocketAddress socketAddress(String address) {
            int colon = address.lastIndexOf(':');
            String host = address.substring(0, colon).replaceAll("[\\[\\]]", "");
            return new InetSocketAddress(host, Integer.parseInt(address.substring(colon + 1)));
        }
    }
}
