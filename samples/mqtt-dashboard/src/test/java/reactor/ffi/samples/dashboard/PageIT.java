package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.openqa.selenium.By;
import org.openqa.selenium.OutputType;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.springframework.context.ConfigurableApplicationContext;

/** The page in a real browser. Screenshots are kept in target/screenshots. */
class PageIT {

    private static final Duration SOON = Duration.ofSeconds(30);
    /** A full chart for the documents: {@code -Ddashboard.screenshot.seconds=60}. */
    private static final int SECONDS_BEFORE_SCREENSHOT = Integer.getInteger("dashboard.screenshot.seconds", 5);

    private static final Path SCREENSHOTS = Path.of("target", "screenshots");

    @TempDir
    private Path folder;

    private ChromeDriver chrome;
    private ConfigurableApplicationContext application;

    @BeforeEach
    void openBrowser() {
        // The paths are given, so that Selenium looks for nothing, and downloads nothing.
        ChromeOptions options = new ChromeOptions();
        options.setBinary(Needs.chromium().toFile());
        options.addArguments(
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--user-data-dir=" + folder.resolve("profile"));
        chrome = new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(Needs.chromedriver().toFile())
                        .build(),
                options);
    }

    @AfterEach
    void close() {
        if (chrome != null) {
            chrome.quit();
        }
        if (application != null) {
            application.close();
        }
    }

    private void open(String... args) {
        application = Dashboard.run(args);
        chrome.get("http://127.0.0.1:" + application.getEnvironment().getRequiredProperty("local.server.port"));
    }

    private String text(String id) {
        return chrome.findElement(By.id(id)).getText();
    }

    private Object script(String script) {
        return chrome.executeScript("return " + script);
    }

    private void awaitConnection(String state) {
        await("the page says " + state)
                .atMost(SOON)
                .until(() -> chrome.findElement(By.id("connection"))
                        .getDomAttribute("data-state")
                        .equals(state));
    }

    private String chartPixels() {
        return (String) script("document.getElementById('chart').toDataURL()");
    }

    private void colors(String scheme) {
        chrome.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    private void size(int width, int height) {
        chrome.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", height, "deviceScaleFactor", 1, "mobile", false));
        await().atMost(SOON).until(() -> script("innerWidth").equals((long) width));
    }

    private void assertNothingIsWiderThanThePage() {
        assertThat((Long) script("document.documentElement.scrollWidth"))
                .as("no scrolling sideways")
                .isLessThanOrEqualTo((Long) script("innerWidth"));
        assertThat((List<?>) script("[...document.querySelectorAll('main *, header *')]"
                        + ".filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).map(e => e.outerHTML)"))
                .isEmpty();
    }

    private double brightness() {
        List<?> rgb = (List<?>) script("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)");
        return rgb.stream()
                .mapToLong(part -> ((Number) part).longValue())
                .average()
                .orElseThrow();
    }

    private void screenshot(String name) throws IOException {
        Files.createDirectories(SCREENSHOTS);
        Files.write(SCREENSHOTS.resolve(name + ".png"), chrome.getScreenshotAs(OutputType.BYTES));
    }

    private void assertNoErrors() {
        assertThat(chrome.manage().logs().get(LogType.BROWSER).getAll())
                .as("errors in the browser's console")
                .extracting(LogEntry::getMessage)
                .filteredOn(message -> !message.contains("ERR_")) // the server was closed
                .isEmpty();
    }

    @Test
    void itLivesWithNothingInstalled() throws IOException {
        size(1100, 900);
        colors("light");
        open("--server.port=0");
        awaitConnection("connected");
        await().atMost(SOON)
                .until(() -> chrome.findElements(By.cssSelector("#topics li")).size() == 8);
        assertThat(chrome.findElements(By.cssSelector("#topics .name")))
                .extracting(WebElement::getText)
                .contains("machine/cpu-percent", "machine/memory-percent", "jvm/heap-mib")
                .isSorted();
        assertThat(chrome.findElements(By.cssSelector("#topics .value")))
                .allSatisfy(value -> assertThat(value.getText()).matches("[0-9,.]+"));
        await().atMost(SOON).until(() -> text("rate").matches("[1-9][0-9]*"));
        assertThat(text("browsers")).isEqualTo("1");
        assertThat(text("dropped")).isEqualTo("0");
        assertThat(text("late")).matches("[0-9,]+");

        chooseTopic("jvm/heap-mib");
        String before = chartPixels();
        String value = text("chart-value");
        await("the chart moves").atMost(SOON).until(() -> !chartPixels().equals(before));
        await("the value changes").atMost(SOON).until(() -> !text("chart-value").equals(value));

        chooseTopic("machine/threads-running");
        await("some seconds of it")
                .atMost(SOON.plusSeconds(SECONDS_BEFORE_SCREENSHOT))
                .until(() -> delivered() > 32L * SECONDS_BEFORE_SCREENSHOT);
        screenshot("light");
        assertThat(brightness()).isGreaterThan(200);
        colors("dark");
        await().atMost(SOON).until(() -> brightness() < 60);
        await("the chart in other colours")
                .atMost(SOON)
                .until(() -> !chartPixels().equals(before));
        screenshot("dark");
        assertNothingIsWiderThanThePage();

        size(360, 800);
        assertNothingIsWiderThanThePage();
        screenshot("phone-dark");
        colors("light");
        screenshot("phone-light");
        assertNoErrors();
    }

    private long delivered() {
        return Long.parseLong(text("delivered").replace(",", ""));
    }

    private void chooseTopic(String name) {
        chrome.findElement(By.cssSelector("#topics li[data-name='" + name + "'] button"))
                .click();
        assertThat(text("chart-topic")).isEqualTo(name);
    }

    @Test
    void aReconnectShows() throws IOException {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder)) {
            size(1200, 860);
            open("--server.port=0", "--source=mqtt", "--broker=" + broker.address());
            awaitConnection("connected");
            assertThat(text("source")).isEqualTo("MQTT broker at " + broker.address());
            broker.kill();
            awaitConnection("disconnected");
            await().atMost(SOON)
                    .until(() -> !chrome.findElements(By.cssSelector("#log li[data-kind=disconnected]"))
                            .isEmpty());
            screenshot("disconnected");
            broker.start();
            awaitConnection("connected");
            assertThat(chrome.findElements(By.cssSelector("#log li[data-kind=connected]")))
                    .hasSize(2);
            try (Publisher publisher = new Publisher(broker)) {
                publisher.publish("kitchen/temperature", "21.5");
                publisher.publish("kitchen/window", "open");
                await().atMost(SOON)
                        .until(() -> chrome.findElements(By.cssSelector("#topics li"))
                                        .size()
                                == 2);
                assertThat(chrome.findElements(By.cssSelector("#topics .value")))
                        .extracting(WebElement::getText)
                        .containsExactly("21.5", "open");
            }
            screenshot("reconnected");
            assertNoErrors();
        }
    }

    @Test
    void whatAStrangerPublishesIsTextAndNothingElse() throws IOException {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            size(360, 800);
            open("--server.port=0", "--source=mqtt", "--broker=" + broker.address());
            awaitConnection("connected");
            String attack = "<img src=x onerror=\"document.title='lost'\">\ndata: {}\n\n";
            String topic = "<script>document.title='lost'</script>";
            publisher.publish(topic, attack);
            publisher.publish("very/".repeat(30) + "long", "9".repeat(250));
            publisher.publish("z/nothing", "");
            await().atMost(SOON)
                    .until(() ->
                            chrome.findElements(By.cssSelector("#topics li")).size() == 3);
            assertThat(chrome.findElements(By.cssSelector("#topics .name")))
                    .extracting(WebElement::getText)
                    .contains(topic);
            assertThat(script("document.querySelectorAll('#topics img, #topics script').length"))
                    .isEqualTo(0L);
            assertThat(chrome.getTitle()).isEqualTo("reactor-ffi dashboard");
            assertNothingIsWiderThanThePage();
            screenshot("stranger");
            assertNoErrors();
        }
    }

    @Test
    void aServerThatGoesAndComesBackIsFoundAgain() {
        open("--server.port=0");
        awaitConnection("connected");
        String port = application.getEnvironment().getRequiredProperty("local.server.port");
        application.close();
        awaitConnection("waiting");
        application = Dashboard.run("--server.port=" + port);
        awaitConnection("connected");
        await().atMost(SOON).until(() -> text("rate").matches("[1-9][0-9]*"));
    }
}
