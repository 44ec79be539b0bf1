package reactor.ffi.samples.audio;

import reactor.ffi.Records;

/**
 * How loud some blocks were.
 *
 * @param blocks how many blocks these are
 * @param level the root of the mean square of their samples, from 0 to 1
 * @param peak their largest sample, from 0 to 1
 */
record Level(int blocks, double level, double peak) {

    private static final int WIDTH = 50;
    private static final double FLOOR = -60;

    /** Reads the blocks of a batch where the native thread has left them. */
    static Level of(Records batch) {
        double squares = 0;
        double peak = 0;
        for (int i = 0; i < batch.size(); i++) {
            double level = batch.getDouble(i, 1);
            squares += level * level;
            peak = Math.max(peak, batch.getDouble(i, 2));
        }
        return new Level(batch.size(), Math.sqrt(squares / batch.size()), peak);
    }

    /** Returns the level of the blocks of both. */
    Level and(Level other) {
        int all = blocks + other.blocks;
        double squares = (level * level * blocks + other.level * other.level * other.blocks) / all;
        return new Level(all, Math.sqrt(squares), Math.max(peak, other.peak));
    }

    /** Draws a bar of the level, and a mark at the peak. */
    String bar() {
        StringBuilder bar = new StringBuilder();
        int full = columns(level);
        int mark = columns(peak);
        for (int i = 0; i < WIDTH; i++) {
            bar.append(i == mark - 1 ? '|' : i < full ? '#' : ' ');
        }
        return String.format("[%s] %6.1f dB", bar, decibel(peak));
    }

    private static int columns(double amplitude) {
        return (int) Math.round((decibel(amplitude) - FLOOR) / -FLOOR * WIDTH);
    }

    private static double decibel(double amplitude) {
        return Math.max(FLOOR, 20 * Math.log10(amplitude));
    }
}
