package reactor.ffi.samples.kafka;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/** A cluster: where it is, how to talk to it, and errors that say what to do. */
final class Kafka {

    /** How long a cluster may take to answer a first question. */
    private static final Duration ANSWER = Duration.ofSeconds(15);

    /** How long a topic that was just made may be unknown to a broker. */
    private static final Duration PROPAGATION = Duration.ofSeconds(10);

    private static final Duration AGAIN = Duration.ofMillis(200);

    private final String bootstrap;
    private final Map<String, Object> common;

    private Kafka(String bootstrap, Map<String, Object> common) {
        this.bootstrap = bootstrap;
        this.common = common;
    }

    /**
     * Describes a cluster; it does not connect.
     *
     * @param bootstrap host:port, or several with commas
     * @param file with more properties of kafka-clients, security above all; empty: none
     * @throws IllegalArgumentException if the file cannot be read
     */
    static Kafka at(String bootstrap, String file) {
        Map<String, Object> common = new HashMap<>();
        if (!file.isEmpty()) {
            Properties properties = new Properties();
            try (Reader reader = Files.newBufferedReader(Path.of(file))) {
                properties.load(reader);
            } catch (IOException e) {
                throw new IllegalArgumentException("--properties: " + file + " cannot be read: " + e, e);
            }
            properties.forEach((name, value) -> common.put(name.toString(), value));
        }
        common.put("bootstrap.servers", bootstrap);
        return new Kafka(bootstrap, common);
    }

    String bootstrap() {
        return bootstrap;
    }

    private Map<String, Object> with(Map<String, Object> settings) {
        Map<String, Object> all = new HashMap<>(common);
        all.putAll(settings);
        return all;
    }

    KafkaProducer<byte[], byte[]> producer(Map<String, Object> settings) {
        return new KafkaProducer<>(with(settings), new ByteArraySerializer(), new ByteArraySerializer());
    }

    KafkaConsumer<byte[], byte[]> consumer(Map<String, Object> settings) {
        return new KafkaConsumer<>(with(settings), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    Admin admin() {
        return Admin.create(with(Map.of(
                "request.timeout.ms", (int) ANSWER.toMillis(), "default.api.timeout.ms", (int) ANSWER.toMillis())));
    }

    /** How many brokers there are; 0 if none answers soon. */
    int nodes() throws InterruptedException {
        try (Admin admin = Admin.create(with(Map.of("request.timeout.ms", 3000, "default.api.timeout.ms", 3000)))) {
            return admin.describeCluster().nodes().get().size();
        } catch (ExecutionException e) {
            return 0;
        }
    }

    /**
     * Makes topics that are not there yet.
     *
     * @param partitions how many each gets
     */
    void createTopics(List<String> topics, int partitions) {
        try (Admin admin = admin()) {
            for (String topic : topics) {
                NewTopic wanted = new NewTopic(topic, Optional.of(partitions), Optional.empty());
                try {
                    admin.createTopics(List.of(wanted)).all().get(ANSWER.toSeconds() + 5, TimeUnit.SECONDS);
                } catch (ExecutionException e) {
                    if (!(e.getCause() instanceof TopicExistsException)) {
                        throw explain("creating the topic " + topic, e.getCause());
                    }
                } catch (TimeoutException e) {
                    throw explain("creating the topic " + topic, e);
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }

    /** How many partitions a topic has. */
    int partitions(String topic) {
        try (Admin admin = admin()) {
            Integer partitions = Mono.fromFuture(() -> admin.describeTopics(List.of(topic))
                            .allTopicNames()
                            .toCompletionStage()
                            .toCompletableFuture())
                    .map(described -> described.get(topic).partitions().size())
                    .retryWhen(Retry.fixedDelay(PROPAGATION.toMillis() / AGAIN.toMillis(), AGAIN)
                            .filter(UnknownTopicOrPartitionException.class::isInstance)
                            .onRetryExhaustedThrow((spec, last) -> last.failure()))
                    .onErrorMap(error -> explain("asking for the topic " + topic, error))
                    .block();
            return Objects.requireNonNull(partitions);
        }
    }

    /** All partitions of a topic. */
    List<TopicPartition> all(String topic) {
        return IntStream.range(0, partitions(topic))
                .mapToObj(partition -> new TopicPartition(topic, partition))
                .toList();
    }

    /** An error in words: what was tried, what is wrong, what to do. */
    IllegalStateException explain(String doing, Throwable error) {
        String remedy = "see the message";
        if (error instanceof AuthorizationException) {
            remedy = "the cluster refuses it; give this client's user the rights, or name another user in the file of"
                    + " --properties";
        } else if (error instanceof AuthenticationException) {
            remedy = "the cluster does not know this client; name a user and a password in the file of --properties";
        } else if (error instanceof UnknownTopicOrPartitionException) {
            remedy = "the topic is not there; create it, or run the whole pipeline, which does";
        } else if (error instanceof org.apache.kafka.common.errors.TimeoutException
                || error instanceof TimeoutException) {
            remedy = noAnswer();
        }
        return new IllegalStateException(doing + " failed: " + error.getMessage() + ": " + remedy, error);
    }

    private String noAnswer() {
        return "no broker answers at " + bootstrap + " within " + ANSWER.toSeconds()
                + " s; is --bootstrap right, does the broker run, does its listener ask for TLS or a password?";
    }
}
