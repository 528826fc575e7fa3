package harness

/**
 * What a controller that restarts at any step must be able to save: plain values cross steps, nothing else.
 * A double gives back a copy, so that nobody relies on an object being the same one afterwards.
 */
class Crossing {
    static final List PLAIN = [String, Integer, Long, Boolean, BigDecimal]

    static Object copy(Object value, String where) {
        must(value, where)
        ByteArrayOutputStream bytes = new ByteArrayOutputStream()
        new ObjectOutputStream(bytes).withCloseable { it.writeObject(value) }
        return new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray())) {
            @Override
            protected Class resolveClass(ObjectStreamClass found) { Class.forName(found.name, false, Crossing.classLoader) }
        }.readObject()
    }

    static void must(Object value, String where) {
        if (value instanceof Map) {
            value.each { key, one ->
                if (key.class != String) { refuse("$where: the key $key is a ${key.class.name}") }
                must(one, "$where.$key")
            }
        } else if (value instanceof List) {
            value.eachWithIndex { one, index -> must(one, "$where[$index]") }
        } else if (value != null && !(value.class in PLAIN) && !(value instanceof Described)) {
            refuse("$where: a ${value.class.name} crosses a step")
        }
    }

    private static void refuse(String why) { throw new AssertionError((Object) why) }

    /** The variables that a body took with it. */
    static void captured(Closure body, String where) {
        body.class.declaredFields.findAll { it.type == Reference }.each {
            it.accessible = true
            Object value = it.get(body).get()
            value instanceof Closure ? captured(value, where) : must(value, "$where, in its body: ${it.name}")
        }
    }
}

/** What a symbol such as `agent()` gives, or a global such as scm: a description, which can be saved. */
class Described implements Serializable {
    String symbol
}
