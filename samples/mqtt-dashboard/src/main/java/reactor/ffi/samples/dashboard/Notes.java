package reactor.ffi.samples.dashboard;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** The last connections, disconnections and log lines, for whoever comes. Thread safe. */
final class Notes {

    private static final int MOST = 50;

    private final Deque<Note> newest = new ArrayDeque<>();
    private long count;

    /** A line for the page: connected, disconnected, or log. */
    record Note(long id, long at, String kind, String text) {}

    synchronized Note add(long at, String kind, String text) {
        Note note = new Note(++count, at, kind, text);
        newest.addLast(note);
        if (newest.size() > MOST) {
            newest.removeFirst();
        }
        return note;
    }

    /** Those that came after a note, without those that are too old by now. */
    synchronized List<Note> after(long id) {
        return newest.stream().filter(note -> note.id() > id).toList();
    }
}
