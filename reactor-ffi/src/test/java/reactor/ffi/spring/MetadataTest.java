package reactor.ffi.spring;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Parameter;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;

/** What an editor shows of a property is what the application reads. */
class MetadataTest {

    private static final String FILE = "/META-INF/spring-configuration-metadata.json";
    private static final Pattern PROPERTY = Pattern.compile("\\{[^{}]+}");
    private static final Pattern FIELD = Pattern.compile("\"(\\w+)\": (\"[^\"]*\"|\\w+)");

    /** {@code | `name` | default | ...}. */
    private static final Pattern ROW =
            Pattern.compile("^\\| `((?:reactor|management)\\.[a-z.-]+)` \\|([^|]*)\\|", Pattern.MULTILINE);

    private static final List<String> OF_SPRING = List.of(
            "reactor.ffi.enabled",
            "management.health.callbacks.enabled",
            "management.endpoint.callbacks.access",
            "management.endpoint.callbacks.cache.time-to-live");

    /** The fields of each property that is described: a test dependency on a parser of JSON is not worth it. */
    private static Map<String, Map<String, String>> described() throws IOException {
        String json = new String(MetadataTest.class.getResourceAsStream(FILE).readAllBytes(), StandardCharsets.UTF_8);
        String properties = json.substring(json.indexOf("\"properties\""));
        Map<String, Map<String, String>> byName = new TreeMap<>();
        PROPERTY.matcher(properties).results().forEach(property -> {
            Map<String, String> fields = new TreeMap<>();
            FIELD.matcher(property.group())
                    .results()
                    .forEach(field -> fields.put(field.group(1), field.group(2).replace("\"", "")));
            byName.put(fields.get("name"), fields);
        });
        return byName;
    }

    private static Map<String, RecordComponent> bound(Class<?> record, String prefix) {
        Map<String, RecordComponent> found = new TreeMap<>();
        for (RecordComponent each : record.getRecordComponents()) {
            String name =
                    prefix + "." + each.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
            assertThat(ConfigurationPropertyName.isValid(name)).isTrue();
            if (each.getType().isRecord()) {
                found.putAll(bound(each.getType(), name));
            } else {
                found.put(name, each);
            }
        }
        return found;
    }

    @Test
    void eachPropertyIsDescribedAndNoOther() throws IOException {
        List<String> all =
                new ArrayList<>(bound(CallbackProperties.class, "reactor.ffi").keySet());
        all.addAll(JvmLimits.NAMES);
        all.addAll(OF_SPRING);
        assertThat(described().keySet()).containsExactlyInAnyOrderElementsOf(all);
        assertThat(described().values())
                .allSatisfy(property -> assertThat(property.get("description")).endsWith("."));
    }

    @Test
    void eachHasTheTypeAndTheDefaultThatIsBound() throws Exception {
        Map<String, Map<String, String>> described = described();
        for (Map.Entry<String, RecordComponent> each :
                bound(CallbackProperties.class, "reactor.ffi").entrySet()) {
            Map<String, String> property = described.get(each.getKey());
            RecordComponent component = each.getValue();
            DefaultValue byDefault = parameterOf(component).getAnnotation(DefaultValue.class);
            assertThat(property.get("defaultValue"))
                    .asString()
                    .isEqualTo(byDefault.value()[0]);
            String type = component.getType() == int.class
                    ? "java.lang.Integer"
                    : component.getType().getName();
            assertThat(property).containsEntry("type", type);
        }
    }

    @Test
    void eachIsInTheDocumentWithItsDefault() throws IOException {
        Map<String, String> rows = new TreeMap<>();
        ROW.matcher(Files.readString(Path.of("../docs/spring.md"), StandardCharsets.UTF_8))
                .results()
                .forEach(row -> rows.put(row.group(1), row.group(2).strip()));
        Map<String, String> expected = new TreeMap<>();
        described().forEach((name, fields) -> expected.put(name, fields.getOrDefault("defaultValue", "")));
        assertThat(rows).isEqualTo(expected);
    }

    private static Parameter parameterOf(RecordComponent component) {
        return Arrays.stream(component
                        .getDeclaringRecord()
                        .getDeclaredConstructors()[0]
                        .getParameters())
                .filter(parameter -> parameter.getName().equals(component.getName()))
                .findFirst()
                .orElseThrow();
    }
}
