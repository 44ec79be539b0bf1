package reactor.ffi.generated;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A C function type made at random.
 *
 * @param result null: void
 * @param parameters of the function
 * @param seed of the values that are passed and returned, and of the type, where {@link #ofSeed} made it
 */
public record GeneratedSignature(@Nullable CType result, List<CType> parameters, long seed) {

    /** Returns the signature that this seed stands for, with up to 12 parameters. */
    public static GeneratedSignature ofSeed(long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        CType result = random.nextInt(10) == 0 ? null : CType.any(random, 2);
        List<CType> parameters = IntStream.range(0, random.nextInt(13))
                .mapToObj(i -> CType.any(random, 2))
                .toList();
        return new GeneratedSignature(result, parameters, seed);
    }

    /** Returns the signatures that have one thing less, the simplest ones first. */
    public List<GeneratedSignature> simpler() {
        List<GeneratedSignature> simpler = new ArrayList<>();
        if (result != null) {
            simpler.add(new GeneratedSignature(null, parameters, seed));
        }
        CType.without(parameters).forEach(fewer -> simpler.add(new GeneratedSignature(result, fewer, seed)));
        if (result != null) {
            result.simpler().forEach(type -> simpler.add(new GeneratedSignature(type, parameters, seed)));
        }
        CType.withOneSimpler(parameters).forEach(same -> simpler.add(new GeneratedSignature(result, same, seed)));
        return simpler;
    }

    /** Returns where the values of arguments and results come from. */
    public Random random() {
        return new Random(new SplittableRandom(seed).nextLong()); // Random begins alike for seeds that are neighbours
    }

    public FunctionDescriptor descriptor() {
        MemoryLayout[] layouts = parameters.stream().map(CType::layout).toArray(MemoryLayout[]::new);
        return result == null ? FunctionDescriptor.ofVoid(layouts) : FunctionDescriptor.of(result.layout(), layouts);
    }

    /** All arguments as one struct, which is how they get to C and back. */
    public CType.Struct arguments() {
        return new CType.Struct(parameters.isEmpty() ? List.of(CType.Scalar.BYTE) : parameters);
    }

    /** {@code public interface <name>}, with one method, {@code call}. */
    String java(String name) {
        return "public interface " + name + " { " + (result == null ? "void" : result.inJava()) + " call("
                + list(i -> parameters.get(i).inJava() + " p" + i) + "); }\n";
    }

    /**
     * {@code drive_<name>(f, arguments, results, threads)} calls f once, or once on each of that many new threads.
     * {@code take_<name>}, of this type, puts its arguments into {@code taken_<name>} and returns {@code answer_<name>}.
     */
    String c(String name) {
        String type = result == null ? "void" : result.inC();
        String types =
                parameters.isEmpty() ? "void" : list(i -> parameters.get(i).inC());
        String named =
                parameters.isEmpty() ? "void" : list(i -> parameters.get(i).inC() + " p" + i);
        String passed = list(i -> "k->a->f" + i);
        String kept = IntStream.range(0, parameters.size())
                .mapToObj(i -> "taken_NAME.f" + i + " = p" + i + "; ")
                .collect(Collectors.joining());
        return """
                struct task_NAME { RESULT (*f)(TYPES); ARGUMENTS *a; SLOT *r; };
                static void *run_NAME(void *task) {
                    struct task_NAME *k = task;
                    STORE k->f(PASSED);
                    return 0;
                }
                void drive_NAME(void *f, void *a, void *r, int32_t threads) {
                    struct task_NAME k[8];
                    pthread_t t[8];
                    for (int i = 0; i < (threads ? threads : 1); i++) k[i] = (struct task_NAME){f, a, (SLOT *)r + i};
                    if (!threads) run_NAME(&k[0]);
                    for (int i = 0; i < threads; i++) if (pthread_create(&t[i], 0, run_NAME, &k[i])) abort();
                    for (int i = 0; i < threads; i++) pthread_join(t[i], 0);
                }
                ARGUMENTS taken_NAME;
                SLOT answer_NAME;
                RESULT take_NAME(NAMED) { KEPTRETURN }
                """.replace("KEPT", kept)
                .replace("RETURN", result == null ? "" : "return answer_NAME;")
                .replace("STORE", result == null ? "" : "*k->r =")
                .replace("SLOT", result == null ? "char" : type)
                .replace("ARGUMENTS", arguments().inC())
                .replace("RESULT", type)
                .replace("PASSED", passed)
                .replace("TYPES", types)
                .replace("NAMED", named)
                .replace("NAME", name);
    }

    private String list(java.util.function.IntFunction<String> each) {
        return IntStream.range(0, parameters.size()).mapToObj(each).collect(Collectors.joining(", "));
    }

    /** Each struct in it, the inner ones first. */
    void structs(Consumer<CType.Struct> action) {
        structs(arguments(), action);
        if (result != null) {
            structs(result, action);
        }
    }

    private static void structs(CType type, Consumer<CType.Struct> action) {
        if (type instanceof CType.Struct struct) {
            struct.fields().forEach(field -> structs(field, action));
            action.accept(struct);
        }
    }

    @Override
    public String toString() {
        return (result == null ? "void" : result) + " (*)("
                + parameters.stream().map(Object::toString).collect(Collectors.joining(", ")) + "), values of seed "
                + seed;
    }
}
