package reactor.ffi.internal;

/** Reads limits that are system properties. */
public final class Property {

    private Property() {}

    /**
     * Returns the value of a system property that is a whole number.
     *
     * @param property the name of the property
     * @param byDefault the value if the property is not set
     * @param least the smallest value allowed
     * @param most the largest value allowed
     * @return the value
     * @throws IllegalArgumentException if the property is set to anything but a number from {@code least} to {@code
     *     most}
     */
    public static int read(String property, int byDefault, int least, int most) {
        String text = System.getProperty(property);
        if (text == null) {
            return byDefault;
        }
        try {
            int value = Integer.parseInt(text.strip());
            if (value >= least && value <= most) {
                return value;
            }
        } catch (NumberFormatException _) {
            // said below
        }
        throw new IllegalArgumentException("system property " + property + " is '" + text
                + "'; it must be a number from " + least + " to " + most);
    }
}
