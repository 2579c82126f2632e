//! Twenty times the same resource, so that what the macro costs stands out from what starting costs.

macro_rules! twenty {
    ($($name:ident)*) => {
        $(pub mod $name {
            include!("ten_fields.rs");
        })*
    };
}

twenty!(r01 r02 r03 r04 r05 r06 r07 r08 r09 r10 r11 r12 r13 r14 r15 r16 r17 r18 r19 r20);
