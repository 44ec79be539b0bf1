package reactor.ffi.samples.dashboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

class HistoryTest {

    private static final long START = 1_700_000_000_000L;

    private final History history = new History();

    private void add(long at, String topic, String text) {
        history.add(SourceEvent.Message.of(START + at, topic, text));
    }

    private static History.Point point(long at, double value, double min, double max) {
        return new History.Point(START + at, value, min, max);
    }

    @Test
    void numbersOfASlotAreOnePoint() {
        add(0, "t", "5");
        add(100, "t", "9");
        add(499, "t", "7");
        add(500, "t", "1");
        assertThat(history.pasts().get(0).points()).containsExactly(point(499, 7, 5, 9), point(500, 1, 1, 1));
    }

    @Test
    void aMessageThatComesLateBelongsToTheLastPoint() {
        add(1000, "t", "5");
        add(900, "t", "8");
        assertThat(history.pasts().get(0).points()).containsExactly(point(1000, 8, 5, 8));
    }

    @Test
    void aMinuteIsKeptHoweverManyMessagesThereAre() {
        for (int at = 0; at < 200_000; at += 10) {
            add(at, "t", Integer.toString(at));
        }
        List<History.Point> points = history.pasts().get(0).points();
        assertThat(points).hasSizeBetween(120, 121);
        assertThat(points.get(0).at()).isBetween(START + 199_990 - 60_000, START + 199_990 - 59_000);
    }

    @Test
    void ofATopicWithoutNumbersTheNewestTextIsKept() {
        add(0, "b", "closed");
        add(1, "b", "open");
        add(2, "a", "1");
        assertThat(history.pasts()).extracting(past -> past.newest().text()).containsExactly("1", "open");
        assertThat(history.pasts()).extracting(past -> past.points().size()).containsExactly(1, 0);
        assertThat(history.newest()).extracting(Topics.View::topic).containsExactly("a", "b");
    }

    @Test
    void topicsBeyondWhatAPageMayHaveAreNotKept() {
        for (int i = 0; i < 2 * Topics.MOST; i++) {
            add(i, "topic/" + i, "1");
        }
        assertThat(history.pasts()).hasSize(Topics.MOST);
        assertThat(history.hasMore()).isTrue();
    }

    @Test
    void inJsonAPointIsAnArray() {
        assertThat(new JsonMapper().writeValueAsString(point(0, 1, 0.5, 2))).isEqualTo("[1700000000000,1.0,0.5,2.0]");
    }
}
