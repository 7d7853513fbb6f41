// Calls one method of a Java program: gives its arguments the types of the method's own signature, writes its value. A package of its own,
// with a name that the program cannot know in the place of PREFIX. See rewards/code/call_programs.py.
package PREFIX;

import java.io.*;
import java.lang.reflect.*;
import java.math.*;
import java.nio.charset.StandardCharsets;
import java.util.*;

public final class Calls {
    private static final int DEEPEST = 200;
    private static final String[] CLASSES = {/* CLASSES */};

    private static final class Fault extends Exception {
        Fault(String text) {
            super(text, null, false, false);
        }
    }

    /** Members of {"$set": ...}, or pairs of {"$map": ...}. */
    private record Marked(boolean pairs, List<Object> items) {}

    private static String source;
    private static int at;

    private static char take() {
        while (" ,:".indexOf(source.charAt(at)) >= 0) at++;
        return source.charAt(at++);
    }

    /** Reads JSON: null, Boolean, String, BigInteger, Double, List or Marked. */
    private static Object read() {
        char first = take();
        switch (first) {
            case 'n': at += 3; return null;
            case 't': at += 3; return true;
            case 'f': at += 4; return false;
            case '"': return readText();
            case '[': {
                List<Object> items = new ArrayList<>();
                while (take() != ']') {
                    at--;
                    items.add(read());
                }
                return items;
            }
            case '{': return readMarked();
            default:
                int begin = at - 1;
                while (at < source.length() && "+-.eE0123456789".indexOf(source.charAt(at)) >= 0) at++;
                String digits = source.substring(begin, at);
                return digits.matches("-?[0-9]+") ? (Object) new BigInteger(digits) : Double.valueOf(digits);
        }
    }

    private static String readText() {
        StringBuilder text = new StringBuilder();
        for (char sign; (sign = source.charAt(at++)) != '"'; ) {
            if (sign == '\\') {
                sign = source.charAt(at++);
                int plain = "nrtbf".indexOf(sign);
                if (sign == 'u') {
                    sign = (char) Integer.parseInt(source.substring(at, at += 4), 16);
                } else if (plain >= 0) {
                    sign = "\n\r\t\b\f".charAt(plain);
                }
            }
            text.append(sign);
        }
        return text.toString();
    }

    @SuppressWarnings("unchecked")
    private static Object readMarked() {
        take();
        String mark = readText();
        Object inner = read();
        take();
        if (mark.equals("$int")) return new BigInteger((String) inner);
        if (mark.equals("$float")) return Double.valueOf((String) inner);
        return new Marked(!mark.equals("$set"), (List<Object>) inner);
    }

    private static String named(Object data) {
        if (data == null) return "null";
        if (data instanceof Number) return "the number " + data;
        return data instanceof Boolean ? "a boolean" : data instanceof String ? "a text" : data instanceof List ? "a list" : ((Marked) data).pairs ? "a dict" : "a set";
    }

    private static Fault refuse(Object data, Type wanted) {
        return new Fault(named(data) + " where the method takes " + wanted.getTypeName());
    }

    private static Type part(Type type, int place) {
        return type instanceof ParameterizedType given ? given.getActualTypeArguments()[place] : Object.class;
    }

    private static Class<?> raw(Type type) {
        if (type instanceof Class<?> found) return found;
        if (type instanceof ParameterizedType given) return (Class<?>) given.getRawType();
        if (type instanceof GenericArrayType array) return Array.newInstance(raw(array.getGenericComponentType()), 0).getClass();
        if (type instanceof TypeVariable<?> variable) return raw(variable.getBounds()[0]);
        Type[] lower = ((WildcardType) type).getLowerBounds();
        return raw(lower.length > 0 ? lower[0] : ((WildcardType) type).getUpperBounds()[0]);
    }

    private static boolean general(Class<?> kind) {
        return kind == Object.class || kind == Comparable.class || kind == Serializable.class;
    }

    /** Makes of data what a parameter of that type takes. */
    private static Object fit(Object data, Type type) throws Fault {
        if (type instanceof WildcardType || type instanceof TypeVariable) return fit(data, raw(type));
        Class<?> kind = raw(type);
        if (kind == Optional.class) return Optional.ofNullable(fit(data, part(type, 0)));
        if (data == null) {
            if (kind.isPrimitive()) throw refuse(null, type);
            return null;
        }
        if (data instanceof Number number) return fitNumber(number, kind, type);
        if (data instanceof Boolean && (kind == boolean.class || general(kind) || kind == Boolean.class)) return data;
        if (data instanceof String text) {
            if (general(kind) || kind.isAssignableFrom(String.class)) return text;
            if ((kind == char.class || kind == Character.class) && text.length() == 1) return text.charAt(0);
            if (kind == char[].class) return text.toCharArray();
            throw refuse(data, type);
        }
        if (kind.isArray() && data instanceof List<?> items) {
            Type inner = type instanceof GenericArrayType array ? array.getGenericComponentType() : kind.getComponentType();
            Object made = Array.newInstance(kind.getComponentType(), items.size());
            for (int place = 0; place < items.size(); place++) Array.set(made, place, fit(items.get(place), inner));
            return made;
        }
        return fitMany(data, kind, type);
    }

    private static Object fitNumber(Number data, Class<?> kind, Type type) throws Fault {
        boolean whole = data instanceof BigInteger || data.doubleValue() == Math.rint(data.doubleValue()) && !Double.isInfinite(data.doubleValue());
        if (general(kind) || kind == Number.class) {
            if (data instanceof Double) return data;
            BigInteger value = (BigInteger) data;
            return value.bitLength() < 32 ? (Object) value.intValue() : value.bitLength() < 64 ? (Object) value.longValue() : value;
        }
        if (kind == double.class || kind == Double.class) return data.doubleValue();
        if (kind == float.class || kind == Float.class) return data.floatValue();
        if (kind == BigDecimal.class) return data instanceof BigInteger value ? new BigDecimal(value) : (Object) BigDecimal.valueOf(data.doubleValue());
        if (!whole) throw refuse(data, type);
        BigInteger value = data instanceof BigInteger found ? found : new BigDecimal(data.doubleValue()).toBigInteger();
        int bits = value.bitLength();
        if (kind == BigInteger.class) return value;
        if ((kind == int.class || kind == Integer.class) && bits < 32) return value.intValue();
        if ((kind == long.class || kind == Long.class) && bits < 64) return value.longValue();
        if ((kind == short.class || kind == Short.class) && bits < 16) return value.shortValue();
        if ((kind == byte.class || kind == Byte.class) && bits < 8) return value.byteValue();
        throw refuse(data, type);
    }

    @SuppressWarnings("unchecked")
    private static Object fitMany(Object data, Class<?> kind, Type type) throws Fault {
        boolean pairs = data instanceof Marked marked && marked.pairs;
        List<Object> items = data instanceof List<?> list ? (List<Object>) list : data instanceof Marked found ? found.items : null;
        if (items == null) throw refuse(data, type);
        if (pairs) {
            Object made = made(kind, LinkedHashMap.class, TreeMap.class);
            if (!(made instanceof Map)) throw refuse(data, type);
            for (Object pair : items) {
                List<Object> two = (List<Object>) pair;
                ((Map<Object, Object>) made).put(fit(two.get(0), part(type, 0)), fit(two.get(1), part(type, 1)));
            }
            return made;
        }
        Object made = data instanceof Marked ? made(kind, LinkedHashSet.class, TreeSet.class) : made(kind, ArrayList.class, LinkedHashSet.class, TreeSet.class, LinkedList.class);
        if (!(made instanceof Collection)) throw refuse(data, type);
        for (Object item : items) ((Collection<Object>) made).add(fit(item, part(type, 0)));
        return made;
    }

    /** Gives an empty object of the first class that will do, or of the class itself; null where there is none. */
    private static Object made(Class<?> kind, Class<?>... usual) {
        try {
            for (Class<?> found : usual) if (kind.isAssignableFrom(found)) return found.getConstructor().newInstance();
            return kind.getConstructor().newInstance();
        } catch (ReflectiveOperationException none) {
            return null;
        }
    }

    private static void write(StringBuilder out, Object value, int depth) {
        if (value == null || value instanceof Boolean) {
            out.append(value);
        } else if (value instanceof Double || value instanceof Float) {
            double number = ((Number) value).doubleValue();
            boolean finite = !Double.isNaN(number) && !Double.isInfinite(number);
            out.append(finite ? value.toString() : "{\"$float\":\"" + value + "\"}");
        } else if (value instanceof Integer || value instanceof Long || value instanceof Short || value instanceof Byte || value instanceof BigInteger) {
            out.append(value);
        } else if (value instanceof BigDecimal) {
            out.append("{\"$float\":\"").append(value).append("\"}");
        } else if (value instanceof CharSequence || value instanceof Character) {
            writeText(out, value.toString());
        } else if (value instanceof Optional<?> held) {
            write(out, held.orElse(null), depth + 1);
        } else if (depth > DEEPEST) {
            out.append("{\"$other\":\"cycle\"}");
        } else if (value.getClass().isArray()) {
            List<Object> items = new ArrayList<>();
            for (int place = 0; place < Array.getLength(value); place++) items.add(Array.get(value, place));
            writeItems(out, items, depth);
        } else if (value instanceof Map<?, ?> map) {
            List<Object> pairs = new ArrayList<>();
            map.forEach((key, item) -> pairs.add(new Object[] {key, item}));
            out.append("{\"$map\":");
            writeItems(out, pairs, depth);
            out.append('}');
        } else if (value instanceof Set<?> set) {
            out.append("{\"$set\":");
            writeItems(out, set, depth);
            out.append('}');
        } else if (value instanceof Collection<?> items) {
            writeItems(out, items, depth);
        } else {
            out.append("{\"$other\":");
            writeText(out, value.getClass().getName());
            out.append('}');
        }
    }

    private static void writeItems(StringBuilder out, Iterable<?> items, int depth) {
        out.append('[');
        String between = "";
        for (Object item : items) {
            out.append(between);
            write(out, item, depth + 1);
            between = ",";
        }
        out.append(']');
    }

    private static void writeText(StringBuilder out, String text) {
        out.append('"');
        for (char sign : text.toCharArray()) {
            if (sign == '"' || sign == '\\') out.append('\\').append(sign);
            else if (sign < ' ' || sign > '~') out.append(String.format("\\u%04x", (int) sign));
            else out.append(sign);
        }
        out.append('"');
    }

    /** The methods of that name, of the first class that has any; those for whom the arguments are too few or too many come last. */
    private static List<Method> methods(String name, String[] classes, int count) throws Fault {
        for (String place : classes) {
            List<Method> found = new ArrayList<>();
            try {
                for (Method method : Class.forName(place, false, ClassLoader.getSystemClassLoader()).getDeclaredMethods()) {
                    if (method.getName().equals(name) && !method.isBridge()) found.add(method);
                }
            } catch (ClassNotFoundException none) {
                continue;
            }
            found.sort(Comparator.comparing((Method method) -> method.getParameterCount() != count).thenComparing(Method::toGenericString));
            if (!found.isEmpty()) return found;
        }
        throw new Fault("there is no method " + name + " in " + String.join(", ", classes));
    }

    private static Object call(String name, String[] classes, List<?> args) throws Throwable {
        Fault refused = null;
        for (Method method : methods(name, classes, args.size())) {
            Type[] types = method.getGenericParameterTypes();
            Object[] given = new Object[args.size()];
            try {
                if (types.length != given.length) throw new Fault("the test has " + given.length + " arguments, the method takes " + types.length);
                for (int place = 0; place < given.length; place++) {
                    try {
                        given[place] = fit(args.get(place), types[place]);
                    } catch (Fault fault) {
                        throw new Fault("args[" + place + "]: " + fault.getMessage());
                    }
                }
            } catch (Fault fault) {
                refused = refused == null ? fault : refused;
                continue;
            }
            method.setAccessible(true);
            try {
                return method.invoke(Modifier.isStatic(method.getModifiers()) ? null : object(method.getDeclaringClass()), given);
            } catch (InvocationTargetException failure) {
                throw failure.getCause();
            }
        }
        throw refused;
    }

    private static Object object(Class<?> kind) throws Throwable {
        try {
            Constructor<?> maker = kind.getDeclaredConstructor();
            maker.setAccessible(true);
            return maker.newInstance();
        } catch (NoSuchMethodException none) {
            throw new Fault(kind.getName() + " cannot be made without arguments");
        }
    }

    public static void main(String[] words) throws Throwable {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        String token = in.readLine();
        String function = in.readLine();
        source = in.readLine();
        StringBuilder out = new StringBuilder(token);
        try {
            int dot = function.indexOf('.');
            String[] classes = dot < 0 ? CLASSES : new String[] {function.substring(0, dot)};
            write(out, call(function.substring(dot + 1), classes, (List<?>) read()), 0);
        } catch (Fault fault) {
            out.append("{\"$fault\":");
            writeText(out, fault.getMessage());
            out.append('}');
        }
        FileDescriptor channel = new FileDescriptor();
        Field number = FileDescriptor.class.getDeclaredField("fd");
        number.setAccessible(true);
        number.setInt(channel, 3);
        new FileOutputStream(channel).write(out.append('\n').toString().getBytes(StandardCharsets.US_ASCII));
        Runtime.getRuntime().halt(0);
    }
}
