package reactor.ffi.samples.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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
import reactor.core.Disposable;

/** The page of windows in a real browser, from C over Kafka. Screenshots are kept in target/screenshots. */
class PageIT {

    private static final Duration SOON = Duration.ofSeconds(60);

    @TempDir
    private Path folder;

    private ChromeDriver chrome;

    @BeforeEach
    void openBrowser() {
        // The paths are given, so that Selenium looks for nothing, and downloads nothing.
        ChromeOptions options = new ChromeOptions();
        options.setBinary(installed("chromium", "chromium").toFile());
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
                        .usingDriverExecutable(
                                installed("chromedriver", "chromium-driver").toFile())
                        .build(),
                options);
    }

    @AfterEach
    void closeBrowser() {
        if (chrome != null) {
            chrome.quit();
        }
    }

    /** Where a program is. Without it the test is skipped, by name, or fails if that was asked for. */
    private static Path installed(String program, String debian) {
        return Stream.of("/usr/bin/" + program, "/usr/local/bin/" + program)
                .map(Path::of)
                .filter(Files::isExecutable)
                .findFirst()
                .orElseGet(() -> {
                    String missing = "there is no " + program + " (Debian: apt install " + debian + ")";
                    if (Boolean.getBoolean("reactor.ffi.test.requireLibraries")) {
                        fail(missing);
                    }
                    assumeTrue(false, "skipped, for " + missing);
                    throw new IllegalStateException(missing);
                });
    }

    @Test
    void theWindowsAppearWhileTheyAreCommitted() throws Exception {
        long all = 120_000;
        try (Rig rig = Rig.shared();
                Page page = Page.start(0)) {
            Disposable showing =
                    Windows.of(rig.kafka, rig.windows(), () -> false).subscribe(page::show);
            rig.aggregator("a");
            chrome.get(page.address());
            await("the page says live").atMost(SOON).until(() -> text("state").equals("live"));
            assertThat(number("events")).isZero();

            Worker publisher = rig.publisher("--sources=6", "--each=20000", "--rate=2000");
            await("events appear").atMost(SOON).until(() -> number("events") > 0);
            long first = number("events");
            assertThat(first).as("while the others are on their way").isLessThan(all);
            await("more of them appear").atMost(SOON).until(() -> number("events") > first);
            await("a row for each second").atMost(SOON).until(() -> rows().size() >= 5);
            assertThat(text("sources")).isEqualTo("6");

            rig.agrees(publisher);
            await("each event once").atMost(SOON).until(() -> number("events") == all);
            assertThat(text("dropped")).isEqualTo("0");
            assertThat(rows()).allSatisfy(row -> {
                List<WebElement> cells = row.findElements(By.tagName("td"));
                assertThat(cells.get(1).getText()).matches("[1-9][0-9,]*");
                assertThat(Double.parseDouble(cells.get(2).getText())).isBetween(20.0, 30.0);
            });
            assertNothingIsWiderThanThePage(1100);
            screenshot("windows");
            colors("dark");
            assertNothingIsWiderThanThePage(360);
            screenshot("windows-phone-dark");

            chrome.navigate().refresh();
            await("a browser that comes late sees the last minute").atMost(SOON).until(() -> number("events") == all);
            assertNoErrors();
            showing.dispose();
        }
        await("the page says lost").atMost(SOON).until(() -> text("state").equals("lost"));
    }

    private String text(String id) {
        return chrome.findElement(By.id(id)).getText();
    }

    private long number(String id) {
        return Long.parseLong(text(id).replace(",", ""));
    }

    private List<WebElement> rows() {
        return chrome.findElements(By.cssSelector("#rows tr"));
    }

    private void colors(String scheme) {
        chrome.executeCdpCommand(
                "Emulation.setEmulatedMedia",
                Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    }

    private void assertNothingIsWiderThanThePage(long width) {
        chrome.executeCdpCommand(
                "Emulation.setDeviceMetricsOverride",
                Map.of("width", width, "height", 900, "deviceScaleFactor", 1, "mobile", false));
        await("no scrolling sideways").atMost(SOON).until(() -> Boolean.TRUE.equals(chrome.executeScript("""
                        const page = document.documentElement;
                        return innerWidth === arguments[0] && page.scrollWidth <= page.clientWidth;
                        """, width)));
    }

    private void screenshot(String name) throws IOException {
        Path screenshots = Files.createDirectories(Path.of("target", "screenshots"));
        Files.write(screenshots.resolve(name + ".png"), chrome.getScreenshotAs(OutputType.BYTES));
    }

    private void assertNoErrors() {
        assertThat(chrome.manage().logs().get(LogType.BROWSER).getAll())
                .as("errors in the browser's console")
                .extracting(LogEntry::getMessage)
                .isEmpty();
    }
}
