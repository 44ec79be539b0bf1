package reactor.ffi.docs;

import com.sun.source.tree.AnnotationTree;
import com.sun.source.tree.BinaryTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.ParenthesizedTree;
import com.sun.source.tree.Tree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreePath;
import com.sun.source.util.TreePathScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;

/**
 * The messages of Java sources. What an exception is made with and what a logger is given counts as a message, however short
 * the text is; any other text counts if it has three words, because a text may go through fields and methods before it is
 * thrown or logged. The texts of {@code toString} and of annotations do not count, nor do the descriptions of meters.
 */
final class Messages {

    /**
     * A message of the sources.
     *
     * @param where the file and the line
     * @param text what is always the same in it, with {@value #VARIES} for the rest
     */
    record Message(String where, String text) {

        @Override
        public String toString() {
            return where + ": " + text;
        }
    }

    /** Stands for a part of a message that is not always the same. */
    static final String VARIES = "…";

    private static final Pattern MADE = Pattern.compile("\\w*(?:Exception|Error|Refusal)(?:<.*>)?");
    private static final Pattern LOGGED = Pattern.compile(".*\\.(?:error|warn|info|debug|trace|log)");

    /** The methods of {@code MeterGroup}, whose descriptions are in docs/metrics.md. */
    private static final Set<String> OF_METERS = Set.of("counter", "gauge", "time");

    private Messages() {}

    static List<Message> of(List<Path> sources) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        List<Message> messages = new ArrayList<>();
        try (StandardJavaFileManager files = compiler.getStandardFileManager(null, null, null)) {
            JavacTask task = (JavacTask) compiler.getTask(
                    null, files, null, List.of("-proc:none"), null, files.getJavaFileObjectsFromPaths(sources));
            Trees trees = Trees.instance(task);
            for (CompilationUnitTree source : task.parse()) {
                new Scan(source, trees, messages).scan(source, null);
            }
        }
        return messages;
    }

    private static final class Scan extends TreePathScanner<Void, Void> {

        private final CompilationUnitTree source;
        private final Trees trees;
        private final List<Message> messages;

        Scan(CompilationUnitTree source, Trees trees, List<Message> messages) {
            this.source = source;
            this.trees = trees;
            this.messages = messages;
        }

        @Override
        public Void visitAnnotation(AnnotationTree annotation, Void nothing) {
            return null;
        }

        @Override
        public Void visitMethod(MethodTree method, Void nothing) {
            return method.getName().contentEquals("toString") ? null : super.visitMethod(method, null);
        }

        @Override
        public Void visitBinary(BinaryTree binary, Void nothing) {
            return hasText(binary) ? found(binary) : super.visitBinary(binary, null);
        }

        @Override
        public Void visitLiteral(LiteralTree literal, Void nothing) {
            return hasText(literal) ? found(literal) : null;
        }

        private Void found(ExpressionTree text) {
            String message =
                    text(text).replace("{}", VARIES).replaceAll("\\s+", " ").replaceAll("…[…]+", VARIES);
            if (!isOfAMeter() && (isThrownOrLogged() || isProse(message))) {
                long line = source.getLineMap()
                        .getLineNumber(trees.getSourcePositions().getStartPosition(source, text));
                messages.add(new Message(
                        Path.of(source.getSourceFile().getName()).getFileName() + ":" + line, message.strip()));
            }
            return null;
        }

        private static boolean isProse(String text) {
            return Stream.of(text.split("[\\s…]+"))
                            .filter(word -> word.matches(".*\\p{L}.*"))
                            .count()
                    >= 3;
        }

        private Tree parent() {
            TreePath parent = getCurrentPath().getParentPath();
            while (parent.getLeaf() instanceof ParenthesizedTree) {
                parent = parent.getParentPath();
            }
            return parent.getLeaf();
        }

        private boolean isThrownOrLogged() {
            return switch (parent()) {
                case NewClassTree made ->
                    MADE.matcher(made.getIdentifier().toString()).matches();
                case MethodInvocationTree call ->
                    LOGGED.matcher(call.getMethodSelect().toString()).matches();
                default -> false;
            };
        }

        private boolean isOfAMeter() {
            return parent() instanceof MethodInvocationTree call && OF_METERS.contains(name(call));
        }

        private static String name(MethodInvocationTree call) {
            String select = call.getMethodSelect().toString();
            return select.substring(select.lastIndexOf('.') + 1);
        }

        /** Whether a text that the sources have is a part of this one. */
        private static boolean hasText(Tree expression) {
            return switch (expression) {
                case ParenthesizedTree inside -> hasText(inside.getExpression());
                case BinaryTree sum -> hasText(sum.getLeftOperand()) || hasText(sum.getRightOperand());
                case LiteralTree literal -> literal.getKind() == Tree.Kind.STRING_LITERAL;
                default -> false;
            };
        }

        private static String text(Tree expression) {
            return switch (expression) {
                case ParenthesizedTree inside when hasText(inside) -> text(inside.getExpression());
                case BinaryTree sum when hasText(sum) -> text(sum.getLeftOperand()) + text(sum.getRightOperand());
                case LiteralTree literal
                when literal.getValue() != null -> literal.getValue().toString();
                default -> VARIES;
            };
        }
    }
}
