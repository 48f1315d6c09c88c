import dev.flowrpc.client.CallException;
import dev.flowrpc.client.FlowClient;
import io.grpc.Context;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import shop.v1.CountRequest;
import shop.v1.FailRequest;
import shop.v1.GetStateRequest;
import shop.v1.RootServiceGrpc;
import shop.v1.RootServiceGrpc.RootServiceBlockingStub;
import shop.v1.RowsRequest;
import shop.v1.RowsResponse;
import shop.v1.TicksRequest;
import shop.v1.WatchStateRequest;
import shop.v1.WatchStateResponse;

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
            System.out.println("read " + read(shop));
            System.out.println("left " + left(shop));
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

    private static String read(RootServiceBlockingStub shop) {
        Iterator<RowsResponse> rows =
                shop.rows(RowsRequest.newBuilder().setStart((1L << 53) + 1).setFail("typed").build());
        StringBuilder items = new StringBuilder();
        try {
            while (rows.hasNext()) {
                items.append(rows.next().getItem().getName()).append(", ");
            }
        } catch (StatusRuntimeException thrown) {
            items.append(CallException.of(thrown).reason());
        }
        return items.toString();
    }

    private static long left(RootServiceBlockingStub shop) {
        Context.CancellableContext leaving = Context.current().withCancellation();
        leaving.run(() -> shop.ticks(TicksRequest.getDefaultInstance()).next());
        leaving.cancel(null);
        long left = 0;
        while (left == 0) {
            left = shop.getState(GetStateRequest.getDefaultInstance()).getState().getLeft();
        }
        return left;
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
