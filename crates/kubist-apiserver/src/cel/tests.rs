//! Expressions, compiled and evaluated.

use serde_json::json;

use super::*;

fn environment() -> Environment {
    Environment::new([("self", DYN)])
}

fn evaluate(source: &str, value: serde_json::Value) -> Result<Value, EvalError> {
    deep(|deep| {
        let expression = Expression::compile(deep, source, &environment()).expect("compiles");
        Evaluator::new(deep).evaluate(&expression, &[("self", to_cel(&value))], &Budget::new(10_000))
    })
    .expect("a stack")
}

#[test]
fn expressions_see_their_variables() {
    assert_eq!(
        evaluate("self.items.all(i, i > 1)", json!({"items": [2, 3]})),
        Ok(Value::Bool(true))
    );
    assert_eq!(
        evaluate("self.?nope.orValue('x')", json!({})),
        Ok(Value::String(Arc::new("x".into())))
    );
}

#[test]
fn types_are_values() {
    for source in [
        "type(self.text) == string",
        "type(self.number) == int && type(self.number) != string",
        "type(self.text) == type('x')",
        "dyn(self.number) == 5",
        "string(self.number) == '5'",
    ] {
        let value = json!({"text": "50%", "number": 5});
        assert_eq!(evaluate(source, value), Ok(Value::Bool(true)), "{source}");
    }
}

#[test]
fn conversions_are_those_of_go() {
    for source in [
        "'é'.size() == 1 && size('日本') == 2",
        "bool('true') && !bool('F') && string(true) == 'true'",
        "string(duration('1h')) == '3600s' && string(duration('1500ms')) == '1.5s'",
        "string(timestamp('2020-01-01T00:00:00Z')) == '2020-01-01T00:00:00Z'",
        "int(timestamp('1970-01-01T00:01:00Z')) == 60 && timestamp(60) == timestamp('1970-01-01T00:01:00Z')",
        "int('7') == 7 && int(7.9) == 7",
    ] {
        assert_eq!(evaluate(source, json!({})), Ok(Value::Bool(true)), "{source}");
    }
    for source in ["bool(dyn('maybe'))", "int(dyn('x')) > 1", "size(dyn(1)) > 1"] {
        assert!(
            matches!(evaluate(source, json!({})), Err(EvalError::Failed(_))),
            "{source}"
        );
    }
}

#[test]
fn loops_can_have_two_variables() {
    for source in [
        "[1, 2].all(i, v, v == i + 1)",
        "{'a': 1}.exists(k, v, k == 'a' && v == 1)",
        "['a', 'b'].existsOne(i, v, i == 1)",
        "['a', 'b'].transformList(i, v, string(i) + v) == ['0a', '1b']",
        "[5, 6].transformList(i, v, i > 0, v) == [6]",
        "{'a': 1, 'b': 2}.transformMap(k, v, v + 1) == {'a': 2, 'b': 3}",
        "['a', 'b'].transformMapEntry(i, v, {v: i}) == {'a': 0, 'b': 1}",
        "{'c': 1, 'a': 2, 'b': 3}.map(k, k) == ['a', 'b', 'c']",
        "{'c': 1, 'a': 2, 'b': 3}.transformList(k, v, v) == [2, 3, 1]",
        "[[1, 2], [3]].all(i, inner, inner.all(j, v, v == i + j + 1 || i == 1))",
    ] {
        assert_eq!(evaluate(source, json!({})), Ok(Value::Bool(true)), "{source}");
    }
    let twice = evaluate("['a', 'a'].transformMapEntry(i, v, {v: i}) == {}", json!({}));
    assert_eq!(
        twice,
        Err(EvalError::Failed("insert failed: key a already exists".into()))
    );
}

#[test]
fn quantifiers_outlive_errors() {
    for source in [
        "[0, 1].exists(x, 1 / x > 0)",
        "[1, 0].exists(x, 1 / x > 0)",
        "![0, 2].all(x, 1 / x > 0)",
        "[0, 1].exists(i, v, v / i > 0)",
        "[{}, {'a': 1}].exists(x, x.a == 1)",
    ] {
        assert_eq!(evaluate(source, json!({})), Ok(Value::Bool(true)), "{source}");
    }
    for source in ["[0, 1].all(x, 1 / x > 0)", "[0, 2].exists(x, 1 / x > 0)"] {
        let failed = Err(EvalError::Failed("division by zero".into()));
        assert_eq!(evaluate(source, json!({})), failed, "{source}");
    }
}

#[test]
fn numbers_do_not_overflow() {
    for source in [
        "-(-9223372036854775808) > 0",
        "9223372036854775807 + self > 0",
        "-9223372036854775808 - self > 0",
        "9223372036854775807 * 2 > self",
        "-9223372036854775808 / -self > 0",
        "-9223372036854775808 % -self > 0",
    ] {
        let result = evaluate(source, json!(1));
        assert_eq!(
            result,
            Err(EvalError::Failed("integer overflow".into())),
            "{source}"
        );
    }
}

#[test]
fn optional_values_are_mapped() {
    for source in [
        "optional.of(1).optMap(x, x + 1).value() == 2",
        "optional.of(1).optFlatMap(x, optional.of(x + 1)).value() == 2",
        "!optional.none().optMap(x, x).hasValue()",
        "self.?nope.b.c.optMap(x, x).orValue('none') == 'none'",
        "self.?a.optMap(x, optional.of(x).optMap(y, y + x)).value().value() == 4",
        "[optional.of(1), optional.none()].unwrapOpt() == [1]",
        "[3, 1, 2].sortBy(x, -x) == [3, 2, 1]",
        "optional.of(1) == optional.of(1) && optional.of(1) != optional.none()",
        "!has(self.?nope.b)",
    ] {
        assert_eq!(
            evaluate(source, json!({"a": 2})),
            Ok(Value::Bool(true)),
            "{source}"
        );
    }
}

#[test]
fn a_loop_ends_with_its_budget() {
    let items: Vec<u32> = (0..200).collect();
    let source = "self.all(a, self.all(b, self.all(c, a + b + c >= 0)))";
    assert_eq!(evaluate(source, json!(items)), Err(EvalError::Budget));
    // An error inside of a quantifier does not hide it.
    let source = "self.exists(a, self.exists(b, self.exists(c, false))) || true";
    assert_eq!(evaluate(source, json!(items)), Err(EvalError::Budget));
}

#[test]
fn unknown_names_and_broken_syntax_are_refused() {
    let compile = |source: &str| {
        deep(|deep| Expression::compile(deep, source, &environment()).map(|_| ())).expect("a stack")
    };
    let complaint = |source: &str| {
        let message = compile(source).unwrap_err().message;
        message
            .strip_prefix("compilation failed: ")
            .expect("a complaint")
            .to_owned()
    };
    let error = complaint("nope.x > 1");
    assert!(
        error.starts_with("ERROR: <input>:1:1: undeclared reference to 'nope' (in container '')"),
        "{error}"
    );
    let error = complaint("nope(self.x)");
    assert!(
        error.starts_with("ERROR: <input>:1:5: undeclared reference to 'nope'"),
        "{error}"
    );
    let error = complaint("this does not compile");
    assert_eq!(
        error,
        "ERROR: <input>:1:6: Syntax error: mismatched input 'does' expecting <EOF>\n | this does not compile\n | .....^"
    );
    let error = complaint("true\n&& 1 +* 2");
    assert!(
        error.starts_with("ERROR: <input>:2:7: Syntax error: extraneous input '*'"),
        "{error}"
    );
    assert!(compile("self.x >").is_err());
    assert!(compile("[1].all(x, x > 0)").is_ok());
}

#[test]
fn depth_is_bounded() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("!", ""),
        ("true?1:", ""),
        ("size(", ")"),
        ("1+", ""),
    ] {
        let source = format!("{}1{}", open.repeat(5_000), close.repeat(5_000));
        let compiled = deep(|deep| Expression::compile(deep, &source, &environment()).map(|_| ()));
        assert!(matches!(compiled, Some(Err(_))), "{open}");
    }
}

fn refused(source: &str) -> Option<String> {
    let compiled = deep(|deep| Expression::compile(deep, source, &environment()).map(|_| ()));
    compiled.expect("a stack").err().map(|error| error.message)
}

#[test]
fn types_cannot_double_without_end() {
    let doubling = |step: &str, times: usize| format!("[1]{}.size() > 0", step.repeat(times));
    // A map has no lists for keys; where the checker cannot know, types are bounded.
    let message = refused(&doubling(".map(a, {a: a})", 30)).expect("too large");
    assert!(
        message.contains("unsupported key type 'map(int, int)'"),
        "{message}"
    );
    let nested = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    assert_eq!(refused(&format!("{nested} == {nested}")), None);
    let message = refused(&doubling(".map(a, [[[[[[[[[[a]]]]]]]]]])", 30)).expect("too large");
    assert!(
        message.contains("the types in the expression are too large"),
        "{message}"
    );
    for key in ["1", "'a'", "true", "1u", "self.a", "dyn([1])"] {
        assert_eq!(refused(&format!("{{{key}: 1}}.size() > 0")), None, "{key}");
    }
}

#[test]
fn an_overload_that_does_not_fit_leaves_no_trace() {
    for source in [
        "[].map(x, x + 1).size() == 0",
        "([] + [1])[0] + 1 == 2",
        "{}.all(k, k in [] || k == 'a')",
        "[[], [1]].all(l, l.all(i, i > 0))",
    ] {
        assert_eq!(refused(source), None, "{source}");
    }
    assert!(refused("[[1], ['a'][0] + 1].size() > 0").is_some());
}

#[test]
fn copies_are_paid_for() {
    let large = "x".repeat(300_000);
    let object = json!({"text": large, "list": vec!["x"; 60_000], "short": "x"});
    let all = |part: &str| std::iter::repeat_n(part, 300).collect::<Vec<_>>().join(", ");
    for source in [
        format!("[1]{}.size() > 0", ".map(x, [x, x])".repeat(40)),
        format!("[1]{}.size() > 0", ".map(x, {'a': x, 'b': x})".repeat(40)),
        format!("optional.of(1){}.hasValue()", ".optMap(x, [x, x])".repeat(40)),
        format!(
            "optional.of(1){}.hasValue()",
            ".optMap(x, {1: x, 2: x})".repeat(40)
        ),
        "lists.range(2000).map(i, self).size() > 0".into(),
        "lists.range(2000).map(i, optional.of(self)).size() > 0".into(),
        "lists.range(2000).transformMap(i, v, self).size() > 0".into(),
        format!("[{}].size() > 0", all("self.text")),
        format!("{{{}}}.size() > 0", all("self.text: 1")),
        format!("'{}'.format(self.list).size() > 0", "%s".repeat(4)),
        format!("'{}'.format([{}]).size() > 0", "%s".repeat(300), all("self.text")),
        "self.text.split('').size() > 0".into(),
        "self.text.split('').all(x, self.text.split('').size() > 0)".into(),
        "lists.range(100).all(i, self.text.upperAscii() != '')".into(),
        "lists.range(100).all(i, self.text.lowerAscii() != '')".into(),
        "lists.range(100).all(i, self.text.substring(1) != '')".into(),
        "lists.range(100).all(i, self.text.trim() != '')".into(),
        "lists.range(100).all(i, self.list.slice(0, 50000).size() > 0)".into(),
        "lists.range(100).all(i, self.list.reverse().size() > 0)".into(),
        "lists.range(100).all(i, [self.list].flatten().size() > 0)".into(),
    ] {
        let shown: String = source.chars().take(80).collect();
        assert_eq!(
            evaluate(&source, object.clone()),
            Err(EvalError::Budget),
            "{shown}"
        );
    }
    for source in [
        "['a', 'b'].map(x, [x, x]).size() == 2",
        "'%s %d'.format([self.short, 1]) == 'x 1'",
        "[?self.?short, ?self.?nope] == ['x'] && {?'a': self.?nope} == {}",
        "self.short.split('').map(x, {'a': [x]})[0].a[0].upperAscii() == 'X'",
        "[optional.of([1]).orValue([2])][0] == [1]",
    ] {
        assert_eq!(
            evaluate(source, object.clone()),
            Ok(Value::Bool(true)),
            "{source}"
        );
    }
}

#[test]
fn what_has_no_order_is_not_sorted() {
    // Enough keys for the sorting to find out that they have none.
    let keys: Vec<f64> = (0..1_000).map(|at| f64::from(at * 7_919 % 1_000)).collect();
    let object = json!({"keys": keys});
    for source in [
        "self.keys.sortBy(k, k > 300.0 && k < 600.0 ? 0.0 / 0.0 : double(k)).size() > 0",
        "self.keys.map(k, k > 300.0 && k < 600.0 ? 0.0 / 0.0 : double(k)).sort().size() > 0",
        "self.keys.map(k, k > 300.0 ? dyn(k) : dyn(int(k) + 9007199254740993)).sort().size() > 0",
    ] {
        let failed = Err(EvalError::Failed("no such overload".into()));
        let result = deep(|deep| {
            let expression = Expression::compile(deep, source, &environment()).expect("compiles");
            let variables = [("self", to_cel(&object))];
            Evaluator::new(deep).evaluate(&expression, &variables, &Budget::new(200_000))
        });
        assert_eq!(result, Some(failed), "{source}");
    }
    for source in [
        "[3, 1, 2].sort() == [1, 2, 3]",
        "[b'b', b'a'].sort() == [b'a', b'b']",
        "['b', 'a'].sortBy(x, x) == ['a', 'b']",
        "[0.0 / 0.0].sort().size() == 1",
    ] {
        assert_eq!(evaluate(source, json!({})), Ok(Value::Bool(true)), "{source}");
    }
}

#[test]
fn complaints_are_counted() {
    let source = format!("[{}].size() > 0", vec!["nope"; 1_500].join(", "));
    let message = refused(&source).expect("undeclared");
    assert_eq!(message.matches("undeclared reference").count(), 100);
    assert!(message.ends_with("\n1400 more errors were truncated"));
}

#[test]
fn costs_are_those_of_upstream() {
    const ALL: u64 = 1_000_000;
    let long = "x".repeat(500);
    let list = |item: &str| format!("[{}]", [item; 5].join(", "));
    let texts = list("'012345678901'");
    let text = format!("'{}'", "0123456789".repeat(5));
    let costs = [
        ("'Hello World!'", 0),
        ("self", 1),
        ("self.a", 2),
        ("self['a']", 2),
        ("self.l[0]", 3),
        ("self.l[1 - 1]", 4),
        ("has(self.a)", 1),
        ("has(self.m.a)", 2),
        ("[1, 2, 3]", 10),
        ("{'a': 1, 'b': 2, 'c': 3}", 30),
        ("[1, 2, 3].all(x, true)", 20),
        ("self.none.all(x, true)", 3),
        ("self.long.matches('[0-9]')", 104),
        ("'123'.matches('[0-9]')", 2),
        ("false || false", 0),
        ("true || self.yes", 0),
        ("self.no || self.no || self.yes", 6),
        ("self.no && self.yes", 2),
        ("1 < 2", 1),
        ("1 == 2", 1),
        ("2 in [1, 2, 3]", 13),
        ("1 + 1", 1),
        ("true ? 1 : 2", 0),
        ("true ? false : 1 > 3", 0),
        ("false ? false : 1 > 3", 1),
        ("(1 > 2 ? 5 : 3) > 1", 2),
        ("(1 > 2 || 2 > 1) == true", 3),
        ("(self.a > 2 ? self.none : self.none).all(y, true)", 5),
        ("size('123')", 1),
        ("'12345678901234567890' == '123456789012345678901234567890'", 2),
        ("string(bytes(self.long))", 102),
        ("string(1)", 1),
        ("self.long.contains(self.long)", 2_504),
        ("self.long.startsWith(self.long)", 54),
        ("self.long.endsWith(self.long)", 54),
        ("self.long + self.long", 104),
        ("'abcdefg'.contains(self.t + self.t)", 6),
        ("[{'k1': 1}, {'k2': 2}].all(x, true)", 77),
        ("[1, 2, 3, 4, 5].filter(x, x % 2 == 0)", 62),
        ("[1, 2, 3, 4, 5].map(x, x)", 86),
        ("[1, 2, 3, 4, 5].map(x, x).filter(x, x % 2 == 0)", 138),
        ("[1, 2, 3, 4, 5].map(x, x).exists(x, x == 5) == true", 118),
        ("[1, 2, 3, 4, 5].map(x, x).map(x, x)", 162),
        ("[1, 2, 3, 4, 5].map(x, [x, x]).filter(z, z.size() == 2)", 232),
        ("[1, 2, 3, 4, 5].map(x, [x, x]).all(y, y.all(y, y == 1))", 171),
        ("[1, 2, 3, 4, 5].map(x, x).map(x, x) + [1]", 173),
        ("[1, 2, 3].all(i, i in [1, 2, 3].map(j, j + j))", 86),
        ("[1, 2, 3, 4, 5].sum()", 15),
        ("[1.0, 2.0, 3.0, 4.0, 5.0].max()", 15),
        (&format!("{texts}.min()"), 15),
        (&format!("{}.isSorted()", list("duration('1s')")), 20),
        (&format!("{text}.upperAscii()"), 5),
        (&format!("{text}.replace('0', '1')"), 10),
        (&format!("{text}.split('')"), 10),
        ("'aaaaaaaaaa'.find('[a-z]+')", 4),
        ("quantity('12Mi')", 1),
        ("url('https://example.com/')", 2),
        ("ip('192.168.0.1').family()", 3),
        ("cidr('192.168.0.0/24').containsIP('192.168.0.1')", 5),
        ("sets.contains([1], [2])", 22),
        ("!format.dns1123Label().validate('my-label').hasValue()", 11),
    ];
    let value = json!({"a": 1, "l": [1], "m": {"a": 1}, "none": [], "long": long, "t": "abc", "yes": true, "no": false});
    for (source, cost) in costs {
        let spent = deep(|deep| {
            let expression = Expression::compile(deep, source, &environment()).expect(source);
            let budget = Budget::new(ALL);
            let result = Evaluator::new(deep).evaluate(&expression, &[("self", to_cel(&value))], &budget);
            (result.map(|_| ()), budget.spent(ALL))
        });
        assert_eq!(spent, Some((Ok(()), cost)), "{source}");
    }
}
