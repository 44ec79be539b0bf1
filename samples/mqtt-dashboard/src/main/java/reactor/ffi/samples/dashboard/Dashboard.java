package reactor.ffi.samples.dashboard;

import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.netty.channel.ChannelOption;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.reactor.netty.NettyReactiveWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.web.server.context.WebServerInitializedEvent;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import reactor.ffi.spring.CallbackStreams;

/**
 * The application. The library configures the scheduler, health and meters. When the application stops, the streams complete
 * first, which lets the browsers go, then the web server ends, then the source is closed, and the scheduler is last.
 */
@SpringBootApplication(proxyBeanMethods = false)
public class Dashboard {

    private static final Logger LOG = LoggerFactory.getLogger(Dashboard.class);

    /**
     * Runs the dashboard.
     *
     * @param args see {@code --help}
     */
    public static void main(String[] args) {
        if (List.of(args).contains("--help")) {
            System.out.println(Arguments.USAGE);
            return;
        }
        try {
            Arguments arguments = Arguments.parse(args);
            if (arguments.mqtt() && !Mosquitto.isInstalled()) {
                throw new IllegalArgumentException(Mosquitto.MISSING);
            }
        } catch (IllegalArgumentException e) {
            System.err.println(e.getMessage() + System.lineSeparator() + Arguments.USAGE);
            System.exit(2);
        }
        run(args);
    }

    /** Runs it, with arguments that are right. */
    static ConfigurableApplicationContext run(String... args) {
        SpringApplication application = new SpringApplication(Dashboard.class);
        application.addInitializers(
                context -> context.getBeanFactory().registerSingleton("arguments", Arguments.parse(args)));
        return application.run(args);
    }

    @Bean
    EventSource eventSource(Arguments arguments, CallbackStreams streams) {
        return arguments.mqtt()
                ? new MqttClient(streams, arguments.host(), arguments.port())
                : new EmbeddedSource(streams);
    }

    @Bean
    Feed feed(EventSource eventSource, CallbackStreams streams) {
        return new Feed(eventSource, streams);
    }

    /**
     * What the kernel holds back for a browser that does not read is old by the time it is read. A browser that has read
     * nothing for the limit is disconnected.
     */
    @Bean
    WebServerFactoryCustomizer<NettyReactiveWebServerFactory> slowReaders(
            @Value("${dashboard.write-timeout}") Duration limit) {
        return factory -> factory.addServerCustomizers(server -> server.childOption(ChannelOption.SO_SNDBUF, 64 << 10)
                .doOnChannelInit(
                        (observer, channel, remote) -> channel.pipeline().addFirst(new ReadLimit(limit))));
    }

    /** Which names this server answers to. */
    @Bean
    Guard guard(@Value("${dashboard.hosts}") Set<String> hosts) {
        return new Guard(hosts);
    }

    /** Where to look. */
    @Bean
    ApplicationListener<WebServerInitializedEvent> invitation() {
        return event ->
                LOG.info("Open http://localhost:{}", event.getWebServer().getPort());
    }

    /** What the application counts. */
    @Bean
    MeterBinder dashboardMeters(Feed feed) {
        return registry -> {
            Gauge.builder("dashboard.browsers", feed, Feed::browsers)
                    .description("Browsers that look at the page")
                    .register(registry);
            FunctionCounter.builder("dashboard.messages", feed, Feed::received)
                    .description("Messages that the source handed over")
                    .register(registry);
            FunctionCounter.builder("dashboard.dropped", feed, Feed::droppedByBrowsers)
                    .description("Messages that browsers were too slow for")
                    .register(registry);
        };
    }
}
