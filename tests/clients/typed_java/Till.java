import dev.flowrpc.client.CallException;
import dev.flowrpc.client.FlowClient;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import shop.v1.CountRequest;
import shop.v1.FailRequest;
import shop.v1.WatchStateRequest;
import shop.v1.WatchStateResponse;
import shop.v1.RootServiceGrpc;
import shop.v1.RootServiceGrpc.RootServiceBlockingStub;

/** A till: what a stranger writes who has nothing but the contract of an app and the Java client. */
class Till {
    public static void main(String[] args) {
        try (FlowClient client = FlowClient.builder().dataDir(Path.of(args[0])).connect()) {
            RootServiceBlockingStub shop = RootServiceGrpc.newBlockingStub(client.channel());
            long counted = shop.count(CountRequest.getDefaultInstance()).getResult();
            System.out.println("counted " + counted);
            System.out.println("failed " + refusal(shop, FailRequest.newBuilder().setText("typed").build()).reason());
            CallException refused = refusal(shop, FailRequest.getDefaultInstance());
            System.out.println("refused " + refused.reason() + " " + refused.violations().keySet());
            System.out.println("watched " + watched(shop, counted));
        }
    }

    private static CallException refusal(RootServiceBlockingStub shop, FailRequest request) {
        try {
            throw new AssertionError("it did not fail: " + shop.fail(request));
        } catch (StatusRuntimeException thrown) {
            return CallException.of(thrown);
        }
    }

    private static long watched(RootServiceBlockingStub shop, long counted) {
        Iterator<WatchStateResponse> states = shop.withDeadlineAfter(60, TimeUnit.SECONDS)
                .watchState(WatchStateRequest.getDefaultInstance());
        while (states.hasNext()) {
            long seen = states.next().getState().getCounted();
            if (seen >= counted) {
                return seen;
            }
        }
        throw new AssertionError("the watch ended");
    }
}
