package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
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

    /** One for all tests: each opens a page of its own, and a browser takes seconds to start. */
    private static ChromeDriver chrome;

    private ConfigurableApplicationContext application;

    @BeforeAll
    static void openBrowser(@TempDir Path profile) {
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
                "--host-resolver-rules=MAP attacker.example 127.0.0.1",
                "--user-data-dir=" + profile);
        chrome = new ChromeDriver(
                new ChromeDriverService.Builder()
                        .usingDriverExecutable(Needs.chromedriver().toFile())
                        .build(),
                options);
    }

    @BeforeEach
    void beginWithAnEmptyPage() {
        chrome.get("about:blank");
        chrome.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
        chrome.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("features", List.of()));
        chrome.manage().logs().get(LogType.BROWSER);
    }

    @AfterAll
    static void closeBrowser() {
        if (chrome != null) {
            chrome.quit();
        }
    }

    @AfterEach
    void close() {
        if (application != null) {
            application.close();
        }
    }

    private void open(String... args) {
        application = Dashboard.run(args);
        chrome.get("http://127.0.0.1:" + port());
    }

    private String port() {
        return application.getEnvironment().getRequiredProperty("local.server.port");
    }

    private void openWith(Broker broker) {
        open("--server.port=0", "--source=mqtt", "--broker=" + broker.address());
        awaitConnection("connected");
    }

    private WebElement card(String topic) {
        return chrome.findElement(By.cssSelector("#topics li[data-name='" + topic + "']"));
    }

    private String in(String topic, String part) {
        return card(topic).findElement(By.cssSelector(part)).getText();
    }

    private void awaitTopics(int count) {
        await(count + " topics")
                .atMost(SOON)
                .until(() -> chrome.findElements(By.cssSelector("#topics li")).size() == count);
    }

    private String pixels(String topic) {
        return (String)
                script("document.querySelector(\"#topics li[data-name='%s'] canvas\").toDataURL()".formatted(topic));
    }

    private void awaitChartMoves() {
        String before = chartPixels();
        await("the chart moves").atMost(SOON).until(() -> !chartPixels().equals(before));
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
        await().atMost(SOON)
                .untilAsserted(() -> assertThat((Long) script("document.documentElement.scrollWidth"))
                        .as("no scrolling sideways")
                        .isLessThanOrEqualTo((Long) script("innerWidth")));
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
        awaitTopics(8);
        assertThat(chrome.findElements(By.cssSelector("#topics .name")))
                .extracting(WebElement::getText)
                .contains("machine/cpu-percent", "machine/memory-percent", "process/heap-mib")
                .isSorted();
        await().atMost(SOON).until(() -> text("chart-topic").equals("machine/cpu-percent"));
        assertThat(text("chart-unit")).isEqualTo("%");
        assertThat(chrome.findElements(By.cssSelector("#topics .value")))
                .allSatisfy(value -> assertThat(value.getText()).matches("[0-9,.]+"));
        await().atMost(SOON).until(() -> text("rate").matches("[1-9][0-9]*"));
        assertThat(text("browsers")).isEqualTo("1");
        assertThat(text("dropped")).isEqualTo("0");
        assertThat(text("late")).matches("[0-9,]+");

        chooseTopic("process/heap-mib");
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
        awaitChartMoves();
        screenshot("phone-dark");
        colors("light");
        awaitChartMoves();
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
    void whatIsCutOrUnseenIsShown() throws IOException {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            size(1100, 800);
            openWith(broker);
            publisher.publish("a/text", "x".repeat(70_000));
            publisher.publish("b/number", "9".repeat(300));
            publisher.publish("c/type", "12d");
            publisher.publish("d/whole", "x".repeat(256));
            publisher.publish("e/\u202Egnp.exe", "\u2066turned\u2069 😀");
            publisher.publish("f".repeat(64_000), "1");
            awaitTopics(6);
            assertThat(in("a/text", ".unit")).isEqualTo("… +69,744 bytes");
            assertThat(in("b/number", ".unit")).isEqualTo("… +44 bytes");
            assertThat(in("b/number", ".value")).startsWith("99999");
            assertThat(in("c/type", ".value")).isEqualTo("12d");
            assertThat(in("d/whole", ".unit")).isEmpty();
            assertThat(chrome.findElements(By.cssSelector("#topics .name")))
                    .extracting(WebElement::getText)
                    .contains("e/‹U+202E›gnp.exe")
                    .anyMatch(name -> name.matches("f{14}….* \\(64,000 bytes, [0-9a-f]{8}\\)"));
            assertThat((List<?>) script("[...document.querySelectorAll('#topics button')].map(button => button.title)"))
                    .anyMatch(title -> ((String) title).matches("f{256}… \\(64,000 bytes, [0-9a-f]{8}\\)"));
            assertThat(chrome.findElements(By.cssSelector("#topics .value")))
                    .extracting(WebElement::getText)
                    .contains("‹U+2066›turned‹U+2069› 😀");
            assertNothingIsWiderThanThePage();
            screenshot("cut");
            assertNoErrors();
        }
    }

    @Test
    void numbersOfAnySizeFreezeNothing() {
        String[][] numbers = {
            {"9007199254740993", "9007199254740995"},
            {"100000000000000000", "100000000000000016"},
            {"1e300", "-1e300"},
            {"5e-324", "0"},
            {"-1e-17", "-1.0000000001e-17"},
            {"21.5", "21.5"},
        };
        chrome.manage().timeouts().scriptTimeout(Duration.ofSeconds(10));
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            openWith(broker);
            for (int i = 0; i < numbers.length; i++) {
                publisher.publish("number/" + i, numbers[i][0]);
                awaitTopics(i + 1);
                publisher.publish("number/" + i, numbers[i][1]);
            }
            for (int i = 0; i < numbers.length; i++) {
                chooseTopic("number/" + i);
                for (int zoom = 0; zoom < 2; zoom++) {
                    awaitChartMoves();
                    assertThat((List<?>) script("Chart.getChart('chart').scales.y.ticks.map(tick => tick.label)"))
                            .as("marks of %s", List.of(numbers[i]))
                            .hasSizeBetween(2, 10)
                            .doesNotHaveDuplicates();
                    chrome.findElement(By.id("zoom")).click();
                }
            }
            assertNoErrors();
        }
    }

    @Test
    void anErrorInOneChartStopsNoOther() {
        size(1100, 900);
        open("--server.port=0");
        awaitTopics(8);
        String broken = "machine/threads";
        chrome.executeScript("""
                const breakPen = canvas => {
                  const pen = canvas.getContext("2d");
                  for (const method of ["save", "setTransform", "clearRect", "beginPath"]) {
                    pen[method] = () => { throw new Error("a broken pen"); };
                  }
                };
                breakPen(document.querySelector("#topics li[data-name='%s'] canvas"));
                """.formatted(broken));
        String other = pixels("machine/threads-running");
        awaitChartMoves();
        await("another card moves")
                .atMost(SOON)
                .until(() -> !pixels("machine/threads-running").equals(other));
        awaitChartMoves();

        chrome.executeScript("""
                const pen = document.getElementById("chart").getContext("2d");
                let times = 5;
                pen.save = function () {
                  if (times-- > 0) throw new Error("a pen that breaks five times");
                  Object.getPrototypeOf(this).save.call(this);
                };
                """);
        awaitChartMoves();
        assertThat(chrome.manage().logs().get(LogType.BROWSER).getAll())
                .as("each is told of once")
                .extracting(LogEntry::getMessage)
                .filteredOn(message -> message.contains("pen"))
                .hasSize(2);
    }

    @Test
    void aNewPageHasTheHistory() {
        open("--server.port=0");
        Feed feed = application.getBean(Feed.class);
        await("five seconds, that nobody saw").atMost(SOON).until(() -> feed.received() > 8 * 4 * 5);
        chrome.navigate().refresh();
        await().atMost(SOON).until(() -> text("chart-topic").equals("machine/cpu-percent"));
        awaitChartMoves();
        assertThat((Long) script("(data => data.at(-1).x - data[0].x)(Chart.getChart('chart').data.datasets[0].data)"))
                .as("ms that the first chart shows at once")
                .isGreaterThan(4000);
        assertThat((Long) script("Chart.getChart('chart').data.datasets[0].data.length"))
                .as("points, of which there are two a second")
                .isLessThan(40);
    }

    @Test
    void theAxisStartsAtZeroUnlessThePageSaysThatItDoesNot() throws IOException {
        size(1100, 800);
        open("--server.port=0");
        awaitTopics(8);
        chooseTopic("machine/memory-free-mib");
        awaitChartMoves();
        assertThat(((Number) script("Chart.getChart('chart').scales.y.min")).doubleValue())
                .isZero();
        assertThat(text("axis")).isEmpty();

        chrome.findElement(By.id("zoom")).click();
        await().atMost(SOON).until(() -> text("axis").equals("The axis does not start at zero."));
        assertThat(((Number) script("Chart.getChart('chart').scales.y.min")).doubleValue())
                .isPositive();
        screenshot("zoomed");

        chooseTopic("machine/cpu-percent");
        chrome.findElement(By.id("zoom")).click();
        await().atMost(SOON).until(() -> text("axis").isEmpty());
        assertThat(((Number) script("Chart.getChart('chart').scales.y.max")).doubleValue())
                .isEqualTo(100.0);
    }

    /** The cards whose row ends before the list does, or which stand alone where there is place for more. */
    private void assertTheGridHasNoHoles() {
        assertThat((List<?>) script("""
                (list => {
                  const right = list.getBoundingClientRect().right;
                  const rows = Map.groupBy(list.children, card => card.getBoundingClientRect().top);
                  return [...rows.values()].map(row => right - row.at(-1).getBoundingClientRect().right);
                })(document.getElementById("topics"))"""))
                .allSatisfy(rest -> assertThat(((Number) rest).doubleValue())
                        .as("px that are empty")
                        .isLessThan(1.5));
    }

    @Test
    void theGridHasNoHoles() throws IOException {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            openWith(broker);
            for (int count = 1; count <= 13; count++) {
                publisher.publish("topic/" + count, "1");
                awaitTopics(count);
                for (int width : new int[] {1400, 900, 600, 360}) {
                    size(width, 900);
                    await().atMost(SOON).untilAsserted(this::assertTheGridHasNoHoles);
                }
            }
            size(1400, 900);
            screenshot("thirteen");
        }
    }

    @Test
    void manyTopicsWithLongNamesHaveTheirPlace() throws IOException {
        try (Broker broker = Broker.started(Needs.mosquitto(), folder);
                Publisher publisher = new Publisher(broker)) {
            size(1400, 1000);
            openWith(broker);
            for (int round = 0; round < 20; round++) {
                for (int i = 0; i < 220; i++) {
                    publisher.publish(
                            "factory/hall-%d/a-machine-with-quite-a-long-name/sensor-%03d/temperature"
                                    .formatted(i % 7, i),
                            Double.toString(20 + 5 * Math.sin((i + round) / 3.0)));
                }
                awaitTopics(200);
                awaitChartMoves();
            }
            await().atMost(SOON).until(() -> chrome.findElement(By.id("more")).isDisplayed());
            assertNothingIsWiderThanThePage();
            screenshot("many");
            chrome.executeScript("scrollTo(0, document.body.scrollHeight / 2)");
            String lower = (String) script("[...document.querySelectorAll('#topics li')].find("
                    + "card => card.getBoundingClientRect().top > 0).dataset.name");
            String before = pixels(lower);
            await("a card that came into view is drawn")
                    .atMost(SOON)
                    .until(() -> !pixels(lower).equals(before));
            screenshot("many-lower");
            colors("dark");
            size(360, 800);
            assertNothingIsWiderThanThePage();
            screenshot("many-phone");
            assertNoErrors();
        }
    }

    @Test
    void aSiteWhoseNameWasBoundToThisAddressReadsNothing() {
        open("--server.port=0");
        awaitTopics(8);
        chrome.get("http://attacker.example:" + port() + "/");
        assertThat(chrome.getPageSource()).doesNotContain("reactor-ffi");
        assertThat(chrome.executeAsyncScript("""
                const done = arguments[0];
                fetch("/actuator/health").then(answer => done(answer.status), () => done("nothing"));
                """)).isIn(421L, "nothing");
    }

    @Test
    void aServerThatGoesAndComesBackIsFoundAgain() {
        open("--server.port=0");
        awaitConnection("connected");
        String port = port();
        application.close();
        awaitConnection("waiting");
        application = Dashboard.run("--server.port=" + port);
        awaitConnection("connected");
        await().atMost(SOON).until(() -> text("rate").matches("[1-9][0-9]*"));
    }
}
