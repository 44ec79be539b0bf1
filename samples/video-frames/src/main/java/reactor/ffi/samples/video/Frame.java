package reactor.ffi.samples.video;

/** A grey picture: a copy of the bytes that GStreamer has given, one for each pixel, from black 0 to white 255. */
final class Frame {

    private static final String GREYS = " .:-=+*#%@";

    private final int width;
    private final int height;
    private final int stride;
    private final long nanos;
    private final byte[] pixels;

    /**
     * @param stride how many bytes a row takes, width or more
     * @param nanos when it is to be shown, from the start of the stream
     * @param pixels row by row; not copied
     * @throws IllegalArgumentException if there are too few of them
     */
    Frame(int width, int height, int stride, long nanos, byte[] pixels) {
        if (stride < width || pixels.length < (long) stride * (height - 1) + width) {
            throw new IllegalArgumentException(pixels.length + " bytes are too few for " + width + " x " + height
                    + " pixels, " + stride + " a row");
        }
        this.width = width;
        this.height = height;
        this.stride = stride;
        this.nanos = nanos;
        this.pixels = pixels;
    }

    int width() {
        return width;
    }

    int height() {
        return height;
    }

    long nanos() {
        return nanos;
    }

    /** The mean of all pixels, from 0 to 1. */
    double brightness() {
        return mean(0, width);
    }

    /** A line of characters, one for each part of the width: the lighter the denser. */
    String line(int characters) {
        StringBuilder line = new StringBuilder(characters);
        for (int i = 0; i < characters; i++) {
            int from = width * i / characters;
            double light = mean(from, Math.max(from + 1, width * (i + 1) / characters));
            line.append(GREYS.charAt((int) Math.min(GREYS.length() - 1, light * GREYS.length())));
        }
        return line.toString();
    }

    private double mean(int fromColumn, int toColumn) {
        long sum = 0;
        for (int y = 0; y < height; y++) {
            for (int x = fromColumn; x < toColumn; x++) {
                sum += pixels[y * stride + x] & 0xff;
            }
        }
        return sum / 255.0 / height / (toColumn - fromColumn);
    }
}
