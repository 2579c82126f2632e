use proptest::prelude::*;

use super::*;

fn q(text: &str) -> Quantity {
    text.parse().unwrap()
}

#[test]
fn canonical_forms_are_the_api_servers() {
    for (text, canonical) in [
        ("0", "0"),
        ("-0.0Gi", "0"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("1025Ki", "1025Ki"),
        ("1023", "1023"),
        ("0.5Ki", "512"),
        ("100Ki", "100Ki"),
        ("1000m", "1"),
        ("1500m", "1500m"),
        ("0.1", "100m"),
        ("1000", "1k"),
        ("12000k", "12M"),
        ("1e3", "1e3"),
        ("15e2", "1500"),
        ("5e-3", "5e-3"),
        ("+7", "7"),
        ("-2Gi", "-2Gi"),
        (".5", "500m"),
        ("5.", "5"),
        ("1n", "1n"),
        ("0.1n", "1n"),
        ("-0.1n", "-1n"),
        ("9223372036854775807", "9223372036854775807"),
        ("1e100", "9223372036854775807"),
        ("100E", "9223372036854775807"),
        ("16Ei", "9223372036854775807"),
    ] {
        assert_eq!(q(text).to_string(), canonical, "{text}");
    }
}

#[test]
fn what_is_no_quantity_is_refused() {
    for text in [
        "", "-", ".", "Gi", "1 Gi", "1gi", "1K", "1e", "1ee3", "1.2.3", "0x10", "٣", "1Ki5",
    ] {
        assert!(text.parse::<Quantity>().is_err(), "{text:?}");
    }
}

#[test]
fn numbers_round_up() {
    assert_eq!(q("1500m").value(), 2);
    assert_eq!(q("-1500m").value(), -2);
    assert_eq!(q("1500u").millis(), 2);
    assert_eq!(q("2").millis(), 2000);
    assert_eq!(q("9E").millis(), i64::MAX);
    assert!((q("250m").to_f64() - 0.25).abs() < f64::EPSILON);
}

#[test]
fn sums_keep_the_first_suffix() {
    assert_eq!((q("1Gi") + q("1G")).suffix(), SuffixKind::Binary);
    assert_eq!((Quantity::ZERO + q("1Gi")).to_string(), "1Gi");
    assert_eq!(
        ["500m", "1", "1500m"]
            .map(q)
            .into_iter()
            .sum::<Quantity>()
            .to_string(),
        "3"
    );
}

#[test]
fn converts_to_and_from_the_api() {
    let api = ApiQuantity("1024Ki".into());
    let quantity = Quantity::try_from(&api).unwrap();
    assert_eq!(ApiQuantity::from(quantity), ApiQuantity("1Mi".into()));
}

proptest! {
    #[test]
    fn never_panics(text in "[-+]?[0-9.]{0,60}[a-zA-Z]{0,3}[-+]?[0-9]{0,12}") {
        let _ = text.parse::<Quantity>();
    }

    #[test]
    fn printing_loses_nothing(nanos in -MAX..=MAX, kind in 0..3) {
        let suffix = [SuffixKind::Decimal, SuffixKind::Binary, SuffixKind::Exponent][kind as usize];
        let quantity = Quantity::new(nanos, suffix);
        let text = quantity.to_string();
        prop_assert_eq!(q(&text), quantity);
        prop_assert_eq!(q(&text).to_string(), text, "the canonical form of a canonical form");
    }

    #[test]
    fn order_is_that_of_the_numbers(a in -1_000_000..1_000_000_i64, b in -1_000_000..1_000_000_i64) {
        let (one, two) = (Quantity::from_millis(a), Quantity::from_millis(b));
        prop_assert_eq!(one.cmp(&two), a.cmp(&b));
        prop_assert_eq!((one + two).millis(), a + b);
        prop_assert_eq!((one - two).millis(), a - b);
    }
}
