package reactor.ffi.samples.dashboard;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.springframework.core.ParameterizedTypeReference;
import org.springframework.http.codec.ServerSentEvent;
import org.springframework.web.reactive.function.client.WebClient;
import reactor.core.Disposable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A browser without a screen: reads the server-sent events, and adds up what it is told. */
final class Looker implements AutoCloseable {

    private static final JsonMapper JSON = new JsonMapper();
    private static final int AGES = 60_000;

    /** The lock of what the browser has seen: of all other fields but {@link #connection}. */
    private final Object lock = new Object();

    private final Map<String, Long> messages = new HashMap<>();
    private final Map<String, Long> frames = new HashMap<>();
    private final Map<String, String> newest = new HashMap<>();
    private final List<String> kinds = new ArrayList<>();
    /** How often a value was so many ms old, for topics that begin with "age/" and whose value is the time. */
    private final long[] ages = new long[AGES];

    private long told;
    private long delivered;
    private long dropped;
    private JsonNode status = JSON.createObjectNode();
    private boolean ended;
    private final Disposable connection;

    Looker(int port) {
        connection = WebClient.builder()
                .baseUrl("http://127.0.0.1:" + port)
                .codecs(codecs -> codecs.defaultCodecs().maxInMemorySize(-1)) // a browser has no limit either
                .build()
                .get()
                .uri("/events")
                .retrieve()
                .bodyToFlux(new ParameterizedTypeReference<ServerSentEvent<String>>() {})
                .doOnTerminate(this::end)
                .subscribe(event -> take(event.event(), JSON.readTree(event.data())), error -> {});
    }

    private void end() {
        synchronized (lock) {
            ended = true;
        }
    }

    private void take(String event, JsonNode data) {
        long now = System.currentTimeMillis();
        synchronized (lock) {
            if (event.equals("status")) {
                status = data;
                return;
            }
            if (event.equals("notes")) {
                for (JsonNode note : data) {
                    kinds.add(note.get("kind").asString());
                }
                return;
            }
            if (event.equals("history")) {
                JsonNode view = data.get("newest");
                newest.put(view.get("topic").asString(), view.get("text").asString());
                return;
            }
            boolean live = data.get("live").asBoolean();
            for (JsonNode view : data.get("topics")) {
                String topic = view.get("topic").asString();
                newest.put(topic, view.get("text").asString());
                if (live) {
                    long count = view.get("count").asLong();
                    told += count;
                    messages.merge(topic, count, Long::sum);
                    frames.merge(topic, 1L, Long::sum);
                    if (topic.startsWith("age/")) {
                        ages[Math.clamp(now - view.get("value").asLong(), 0, AGES - 1)]++;
                    }
                }
            }
            if (live) {
                delivered = data.get("delivered").asLong();
                dropped = data.get("dropped").asLong();
            }
        }
    }

    /** Forgets what it saw how often, and how old it was. */
    void begin() {
        synchronized (lock) {
            messages.clear();
            frames.clear();
            Arrays.fill(ages, 0);
        }
    }

    /** Messages by its own count: the sum of those that frames stood for. */
    long told() {
        synchronized (lock) {
            return told;
        }
    }

    long delivered() {
        synchronized (lock) {
            return delivered;
        }
    }

    long dropped() {
        synchronized (lock) {
            return dropped;
        }
    }

    long messages(String topic) {
        synchronized (lock) {
            return messages.getOrDefault(topic, 0L);
        }
    }

    /** In how many frames the topic was. */
    long frames(String topic) {
        synchronized (lock) {
            return frames.getOrDefault(topic, 0L);
        }
    }

    String newest(String topic) {
        synchronized (lock) {
            return newest.get(topic);
        }
    }

    List<String> kinds() {
        synchronized (lock) {
            return List.copyOf(kinds);
        }
    }

    JsonNode status() {
        synchronized (lock) {
            return status;
        }
    }

    boolean hasEnded() {
        synchronized (lock) {
            return ended;
        }
    }

    /** The age in ms that this share of the values does not exceed. */
    long age(double share) {
        synchronized (lock) {
            long all = 0;
            for (long count : ages) {
                all += count;
            }
            long seen = 0;
            for (int age = 0; age < AGES; age++) {
                seen += ages[age];
                if (seen >= share * all) {
                    return age;
                }
            }
            return AGES;
        }
    }

    @Override
    public void close() {
        connection.dispose();
    }
}
