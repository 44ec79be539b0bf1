package reactor.ffi.faults;

import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * A place of user code that throws.
 *
 * @param name where
 * @param seen in one of these the error has to come to light
 * @param body makes user code at that place throw the cell's fault
 */
record Place(String name, Set<Seen> seen, Consumer<Cell> body) {

    static Place place(String name, Consumer<Cell> body, Seen first, Seen... others) {
        return new Place(name, EnumSet.of(first, others), body);
    }

    static List<Place> all() {
        return Stream.of(StreamPlaces.ALL, SharedPlaces.ALL, AnswerPlaces.ALL, SchedulerPlaces.ALL)
                .flatMap(List::stream)
                .toList();
    }
}
