import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import io.grpc.ClientInterceptor;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import mill.v1.BringRequest;
import mill.v1.GrindState;
import mill.v1.RootServiceGrpc;
import mill.v1.RootServiceGrpc.RootServiceBlockingStub;
import mill.v1.RootState;
import mill.v1.SacksRequest;
import mill.v1.SacksResponse;
import mill.v1.WatchStateRequest;
import mill.v1.WatchStateResponse;

/** A miller: what a stranger writes who has the address of an app, a token and the client that flowctl generated. */
class Miller {
    private static final long BIG = (1L << 53) + 1;

    public static void main(String[] args) throws Exception {
        Metadata metadata = new Metadata();
        metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + args[1]);
        ClientInterceptor token = MetadataUtils.newAttachHeadersInterceptor(metadata);
        ManagedChannel channel = ManagedChannelBuilder.forTarget(args[0]).usePlaintext().intercept(token).build();
        try {
            RootServiceBlockingStub mill =
                    RootServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
            BringRequest.Builder request = BringRequest.newBuilder().setKilos(BIG);
            request.getNoteBuilder().setStringValue("rye");
            System.out.println("brought " + mill.bring(request.build()).getResult());
            System.out.println("ground " + ground(mill));
            refused(mill);
            read(mill);
        } finally {
            channel.shutdownNow();
        }
    }

    private static String ground(RootServiceBlockingStub mill) {
        Iterator<WatchStateResponse> states = mill.watchState(WatchStateRequest.getDefaultInstance());
        while (states.hasNext()) {
            RootState state = states.next().getState();
            GrindState grind = state.getGrind();
            if (grind.getRun().getStatus().equals("succeeded")) {
                return grind.getRun().getArguments().getKilos() + " of " + state.getNote().getStringValue() + " to "
                        + grind.getFlour();
            }
        }
        throw new AssertionError("the watch ended");
    }

    private static void refused(RootServiceBlockingStub mill) throws InvalidProtocolBufferException {
        try {
            throw new AssertionError("it did not fail: " + mill.bring(BringRequest.getDefaultInstance()));
        } catch (StatusRuntimeException thrown) {
            System.out.println("refused " + reason(thrown));
        }
    }

    private static void read(RootServiceBlockingStub mill) throws InvalidProtocolBufferException {
        Iterator<SacksResponse> sacks = mill.sacks(SacksRequest.newBuilder().setFirst(BIG).build());
        try {
            while (sacks.hasNext()) {
                System.out.println("sack " + sacks.next().getItem().getLabel());
            }
            throw new AssertionError("it did not fail");
        } catch (StatusRuntimeException thrown) {
            System.out.println("ended " + reason(thrown));
        }
    }

    private static String reason(StatusRuntimeException thrown) throws InvalidProtocolBufferException {
        for (com.google.protobuf.Any detail : StatusProto.fromThrowable(thrown).getDetailsList()) {
            if (detail.is(ErrorInfo.class)) {
                return detail.unpack(ErrorInfo.class).getReason();
            }
        }
        throw new AssertionError("no reason", thrown);
    }
}
