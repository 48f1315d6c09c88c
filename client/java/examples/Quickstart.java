import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import dev.flowrpc.client.Answer;
import dev.flowrpc.client.FlowClient;
import dev.flowrpc.client.Replica;
import java.time.Duration;
import java.util.Map;

/**
 * Calls a command of the one running app of this user and waits until its state shows it.
 *
 * <pre>java -cp CLASSPATH examples/Quickstart.java add '{"name": "ann"}'</pre>
 */
class Quickstart {
    public static void main(String[] args) throws Exception {
        if (args.length != 2) {
            System.err.println("usage: Quickstart COMMAND ARGUMENTS_AS_JSON");
            System.exit(2);
        }
        Gson json = new GsonBuilder()
                .serializeNulls()
                .disableHtmlEscaping()
                .setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE)
                .create();
        Map<String, Object> arguments = json.fromJson(args[1], new TypeToken<Map<String, Object>>() {}.getType());
        try (FlowClient client = FlowClient.connect();
                Replica replica = client.replicate("root")) {
            Answer answer = client.call(args[0], arguments);
            replica.awaitRevision(answer.revision(), Duration.ofSeconds(30));
            replica.vars("root").forEach((name, value) -> System.out.println(name + " = " + json.toJson(value)));
        }
    }
}
