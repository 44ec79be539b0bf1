package reactor.ffi.internal;

/** A limit that is a system property. */
public final class Property {

    private Property() {}

    /**
     * A whole number.
     *
     * @param property its name
     * @param byDefault what it is where it is not set
     * @param least it must not be less
     * @param most it must not be more
     * @return its value
     * @throws IllegalArgumentException if it is set to anything else
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
