package dev.flowrpc.client;

import dev.flowrpc.v1.ComponentKind;
import java.util.List;
import java.util.Map;

/**
 * One component at one revision, without what is below it.
 *
 * @param name full name, such as {@code root.train}
 * @param kind {@code flow}, {@code work}, {@code list} or {@code dict}
 * @param type the class as {@code module:qualified.name}
 * @param vars in the order of their definition; those whose names begin with {@code _} belong to the framework
 * @param recipe how it is built again; null if the component around it builds it
 */
public record Component(String name, String kind, String type, Map<String, Object> vars, Recipe recipe) {
    /**
     * How a component is built again.
     *
     * @param type the class as {@code module:qualified.name}
     * @param args positional arguments of its constructor
     * @param kwargs keyword arguments, in the order of the call
     */
    public record Recipe(String type, List<Object> args, Map<String, Object> kwargs) {
        private static Recipe of(dev.flowrpc.v1.Recipe message, String name) {
            return new Recipe(
                    message.getType(),
                    Values.decodeItems(message.getArgsList(), name + ".args", 0),
                    Values.decodeEntries(message.getKwargsList(), name + ".kwargs", 0));
        }

        @SuppressWarnings("unchecked") // the copy of a list is one
        private Recipe copy() {
            return new Recipe(type, (List<Object>) Values.copy(args), Values.copyEntries(kwargs));
        }
    }

    static Component of(dev.flowrpc.v1.Component message) {
        String name = message.getName();
        if (name.isEmpty()) {
            throw new InvalidValueException("component", "has no name; set Component.name");
        }
        return new Component(
                name,
                kind(message.getKind(), name),
                message.getType(),
                Values.decodeEntries(message.getVarsList(), name, 0),
                message.hasRecipe() ? Recipe.of(message.getRecipe(), name) : null);
    }

    Component copy() {
        return new Component(name, kind, type, Values.copyEntries(vars), recipe == null ? null : recipe.copy());
    }

    private static String kind(ComponentKind told, String name) {
        return switch (told) {
            case COMPONENT_KIND_FLOW -> "flow";
            case COMPONENT_KIND_WORK -> "work";
            case COMPONENT_KIND_LIST -> "list";
            case COMPONENT_KIND_DICT -> "dict";
            default -> throw new InvalidValueException(name, "is of a kind that this version does not know: " + told);
        };
    }
}
