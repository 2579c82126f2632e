#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kubist_apiserver::fuzzing::expressions(data));
