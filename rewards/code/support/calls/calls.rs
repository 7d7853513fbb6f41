// Calls one function of a Rust program: reads its arguments as the function's own signature has them, writes its value. A module of its
// own, and macros by their full names, so that none of the program reaches here. See rewards/code/call_programs.py.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Write as _;
use std::hash::Hash;
use std::io::{BufRead, Write as _};
use std::os::fd::FromRawFd;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub enum Data {
    Null,
    Truth(bool),
    Number(String),
    Text(String),
    List(Vec<Data>),
    Set(Vec<Data>),
    Pairs(Vec<Data>),
}

pub type Read<T> = Result<T, String>;

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self) -> u8 {
        while ::std::matches!(self.bytes[self.at], b' ' | b',' | b':') {
            self.at += 1;
        }
        self.at += 1;
        self.bytes[self.at - 1]
    }

    fn value(&mut self) -> Data {
        match self.take() {
            b'n' => self.skip(3, Data::Null),
            b't' => self.skip(3, Data::Truth(true)),
            b'f' => self.skip(4, Data::Truth(false)),
            b'"' => Data::Text(self.text()),
            b'[' => Data::List(self.items()),
            b'{' => self.marked(),
            first => {
                let mut digits = String::from(first as char);
                while self.at < self.bytes.len() && ::std::matches!(self.bytes[self.at], b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E') {
                    digits.push(self.bytes[self.at] as char);
                    self.at += 1;
                }
                Data::Number(digits)
            }
        }
    }

    fn skip(&mut self, count: usize, data: Data) -> Data {
        self.at += count;
        data
    }

    fn items(&mut self) -> Vec<Data> {
        let mut found = Vec::new();
        while self.take() != b']' {
            self.at -= 1;
            found.push(self.value());
        }
        found
    }

    fn marked(&mut self) -> Data {
        self.take();
        let mark = self.text();
        let inner = self.value();
        self.take();
        match (mark.as_str(), inner) {
            ("$set", Data::List(items)) => Data::Set(items),
            ("$map" | "$dict", Data::List(items)) => Data::Pairs(items),
            (_, Data::Text(digits)) => Data::Number(digits),
            (_, other) => other,
        }
    }

    fn unit(&mut self) -> u32 {
        self.at += 4;
        u32::from_str_radix(std::str::from_utf8(&self.bytes[self.at - 4..self.at]).unwrap(), 16).unwrap()
    }

    fn text(&mut self) -> String {
        let mut found = String::new();
        loop {
            self.at += 1;
            match self.bytes[self.at - 1] {
                b'"' => return found,
                b'\\' => {
                    self.at += 1;
                    found.push(match self.bytes[self.at - 1] {
                        b'n' => '\n',
                        b't' => '\t',
                        b'r' => '\r',
                        b'b' => '\x08',
                        b'f' => '\x0c',
                        b'u' => self.escaped(),
                        plain => plain as char,
                    });
                }
                sign => found.push(sign as char),
            }
        }
    }

    fn escaped(&mut self) -> char {
        let mut point = self.unit();
        if (0xd800..0xdc00).contains(&point) && self.bytes[self.at..].starts_with(b"\\u") {
            self.at += 2;
            point = 0x10000 + ((point - 0xd800) << 10) + self.unit().wrapping_sub(0xdc00);
        }
        char::from_u32(point).unwrap_or('\u{fffd}')
    }
}

fn refuse<T>(data: &Data, wanted: &str) -> Read<T> {
    let named = match data {
        Data::Null => "null",
        Data::Truth(_) => "a boolean",
        Data::Number(digits) => return Err(::std::format!("the number {digits} where the function takes {wanted}")),
        Data::Text(_) => "a text",
        Data::List(_) => "a list",
        Data::Set(_) => "a set",
        Data::Pairs(_) => "a dict",
    };
    Err(::std::format!("{named} where the function takes {wanted}"))
}

/// What can be an argument.
pub trait Given: Sized {
    fn read(data: &Data) -> Read<Self>;
}

/// What can be given back.
pub trait Shown {
    fn write(&self, out: &mut String);
}

macro_rules! whole {
    ($($kind:ty)*) => {$(
        impl Given for $kind {
            fn read(data: &Data) -> Read<Self> {
                if let Data::Number(digits) = data {
                    let (head, tail) = digits.split_once('.').unwrap_or((digits, ""));
                    if tail.bytes().all(|sign| sign == b'0') {
                        if let Ok(value) = head.parse() {
                            return Ok(value);
                        }
                    }
                }
                refuse(data, ::std::stringify!($kind))
            }
        }
        impl Shown for $kind {
            fn write(&self, out: &mut String) {
                ::std::write!(out, "{self}").unwrap();
            }
        }
    )*};
}
whole!(i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize);

fn write_float(out: &mut String, value: f64, text: String) {
    if value.is_finite() {
        out.push_str(&text);
    } else {
        ::std::write!(out, "{{\"$float\":\"{}\"}}", text.replace("inf", "Infinity")).unwrap();
    }
}

macro_rules! floating {
    ($($kind:ty)*) => {$(
        impl Given for $kind {
            fn read(data: &Data) -> Read<Self> {
                if let Data::Number(digits) = data {
                    if let Ok(value) = digits.parse() {
                        return Ok(value);
                    }
                }
                refuse(data, ::std::stringify!($kind))
            }
        }
        impl Shown for $kind {
            fn write(&self, out: &mut String) {
                write_float(out, f64::from(*self), ::std::format!("{self:?}"));
            }
        }
    )*};
}
floating!(f32 f64);

impl Given for bool {
    fn read(data: &Data) -> Read<Self> {
        if let Data::Truth(value) = data { Ok(*value) } else { refuse(data, "bool") }
    }
}

impl Given for char {
    fn read(data: &Data) -> Read<Self> {
        if let Data::Text(text) = data {
            let mut signs = text.chars();
            if let (Some(only), None) = (signs.next(), signs.next()) {
                return Ok(only);
            }
        }
        refuse(data, "char")
    }
}

impl Given for String {
    fn read(data: &Data) -> Read<Self> {
        if let Data::Text(text) = data { Ok(text.clone()) } else { refuse(data, "a text") }
    }
}

impl Given for &'static str {
    fn read(data: &Data) -> Read<Self> {
        String::read(data).map(|text| &*Box::leak(text.into_boxed_str()))
    }
}

impl Given for &'static mut str {
    fn read(data: &Data) -> Read<Self> {
        String::read(data).map(|text| Box::leak(text.into_boxed_str()))
    }
}

impl<T: Given> Given for &'static T {
    fn read(data: &Data) -> Read<Self> {
        T::read(data).map(|value| &*Box::leak(Box::new(value)))
    }
}

impl<T: Given> Given for &'static mut T {
    fn read(data: &Data) -> Read<Self> {
        T::read(data).map(|value| Box::leak(Box::new(value)))
    }
}

impl<T: Given> Given for &'static [T] {
    fn read(data: &Data) -> Read<Self> {
        Vec::read(data).map(|items| &*Box::leak(items.into_boxed_slice()))
    }
}

impl<T: Given> Given for &'static mut [T] {
    fn read(data: &Data) -> Read<Self> {
        Vec::read(data).map(|items| Box::leak(items.into_boxed_slice()))
    }
}

impl<T: Given> Given for Box<T> {
    fn read(data: &Data) -> Read<Self> {
        T::read(data).map(Box::new)
    }
}

impl<T: Given> Given for Option<T> {
    fn read(data: &Data) -> Read<Self> {
        if let Data::Null = data { Ok(None) } else { T::read(data).map(Some) }
    }
}

impl<T: Given, const N: usize> Given for [T; N] {
    fn read(data: &Data) -> Read<Self> {
        <[T; N]>::try_from(Vec::<T>::read(data)?).or_else(|_| refuse(data, "an array of another length"))
    }
}

fn read_members<T: Given, C: FromIterator<T>>(data: &Data, wanted: &str, takes_sets: bool) -> Read<C> {
    match data {
        Data::List(items) => items.iter().map(T::read).collect(),
        Data::Set(items) if takes_sets => items.iter().map(T::read).collect(),
        _ => refuse(data, wanted),
    }
}

fn read_pairs<K: Given, V: Given, C: FromIterator<(K, V)>>(data: &Data) -> Read<C> {
    let Data::Pairs(pairs) = data else { return refuse(data, "a map") };
    pairs.iter().map(<(K, V)>::read).collect()
}

fn write_items<'a, T: Shown + 'a>(out: &mut String, items: impl IntoIterator<Item = &'a T>) {
    out.push('[');
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        item.write(out);
    }
    out.push(']');
}

macro_rules! members {
    ($($kind:ident $wanted:literal $set:literal ($($bound:path),*);)*) => {$(
        impl<T: Given $(+ $bound)*> Given for $kind<T> {
            fn read(data: &Data) -> Read<Self> {
                read_members(data, $wanted, $set)
            }
        }
        impl<T: Shown> Shown for $kind<T> {
            fn write(&self, out: &mut String) {
                out.push_str(if $set { "{\"$set\":" } else { "" });
                write_items(out, self);
                out.push_str(if $set { "}" } else { "" });
            }
        }
    )*};
}
members! {
    Vec "a list" false ();
    VecDeque "a list" false ();
    LinkedList "a list" false ();
    BinaryHeap "a list" false (Ord);
    HashSet "a set" true (Eq, Hash);
    BTreeSet "a set" true (Ord);
}

macro_rules! pairs {
    ($($kind:ident ($($bound:path),*);)*) => {$(
        impl<K: Given $(+ $bound)*, V: Given> Given for $kind<K, V> {
            fn read(data: &Data) -> Read<Self> {
                read_pairs(data)
            }
        }
        impl<K: Shown, V: Shown> Shown for $kind<K, V> {
            fn write(&self, out: &mut String) {
                out.push_str("{\"$map\":[");
                for (place, pair) in self.iter().enumerate() {
                    out.push_str(if place > 0 { "," } else { "" });
                    pair.write(out);
                }
                out.push_str("]}");
            }
        }
    )*};
}
pairs! { HashMap (Eq, Hash); BTreeMap (Ord); }

impl Shown for bool {
    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }
}

impl Shown for char {
    fn write(&self, out: &mut String) {
        self.encode_utf8(&mut [0; 4]).write(out);
    }
}

impl Shown for str {
    fn write(&self, out: &mut String) {
        out.push('"');
        for sign in self.chars() {
            match sign {
                '"' | '\\' => out.extend(['\\', sign]),
                '\0'..='\x1f' => ::std::write!(out, "\\u{:04x}", sign as u32).unwrap(),
                _ => out.push(sign),
            }
        }
        out.push('"');
    }
}

impl Shown for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl<T: Shown + ?Sized> Shown for &T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Shown + ?Sized> Shown for &mut T {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Shown + ?Sized> Shown for Box<T> {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}

impl<T: Shown> Shown for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Shown, E: Shown> Shown for Result<T, E> {
    fn write(&self, out: &mut String) {
        match self {
            Ok(value) => value.write(out),
            Err(_) => out.push_str("{\"$other\":\"Err\"}"),
        }
    }
}

impl<T: Shown> Shown for [T] {
    fn write(&self, out: &mut String) {
        write_items(out, self);
    }
}

impl<T: Shown, const N: usize> Shown for [T; N] {
    fn write(&self, out: &mut String) {
        write_items(out, self);
    }
}

impl Shown for () {
    fn write(&self, out: &mut String) {
        out.push_str("null");
    }
}

/// A function whose arguments and value are data; A is the tuple of the arguments' types.
pub trait Call<A> {
    fn call(self, args: &[Data]) -> Read<String>;
}

/// 1 where the first argument is the object of a method, which no test gives.
static OBJECTS: AtomicUsize = AtomicUsize::new(0);

fn argument<T: Given>(args: &[Data], place: usize) -> Read<T> {
    T::read(&args[place]).map_err(|why| ::std::format!("args[{}]: {why}", place - OBJECTS.load(Relaxed)))
}

fn shown(value: impl Shown) -> String {
    let mut out = String::new();
    value.write(&mut out);
    out
}

macro_rules! tuples {
    ($count:literal $($name:ident $place:tt)*) => {
        impl<$($name: Given),*> Given for ($($name,)*) where ($($name,)*): Filled {
            fn read(data: &Data) -> Read<Self> {
                match data {
                    Data::List(items) if items.len() == $count => Ok(($($name::read(&items[$place])?,)*)),
                    _ => refuse(data, ::std::concat!("a tuple of ", $count)),
                }
            }
        }
        impl<$($name: Shown),*> Shown for ($($name,)*) where ($($name,)*): Filled {
            fn write(&self, out: &mut String) {
                out.push('[');
                $(
                    out.push_str(if $place > 0 { "," } else { "" });
                    self.$place.write(out);
                )*
                out.push(']');
            }
        }
        impl<$($name),*> Filled for ($($name,)*) {}
        function!($count $($name $place)*);
    };
}

macro_rules! function {
    ($count:literal $($name:ident $place:tt)*) => {
        impl<F: FnOnce($($name),*) -> R, R: Shown, $($name: Given),*> Call<($($name,)*)> for F {
            fn call(self, args: &[Data]) -> Read<String> {
                if args.len() != $count {
                    let unseen = OBJECTS.load(Relaxed);
                    return Err(::std::format!("the test has {} arguments, the function takes {}", args.len() - unseen, $count - unseen));
                }
                Ok(shown(self($(argument::<$name>(args, $place)?),*)))
            }
        }
    };
}

pub trait Filled {}
function!(0);
tuples!(1 A 0);
tuples!(2 A 0 B 1);
tuples!(3 A 0 B 1 C 2);
tuples!(4 A 0 B 1 C 2 D 3);
tuples!(5 A 0 B 1 C 2 D 3 E 4);
tuples!(6 A 0 B 1 C 2 D 3 E 4 G 5);
tuples!(7 A 0 B 1 C 2 D 3 E 4 G 5 H 6);
tuples!(8 A 0 B 1 C 2 D 3 E 4 G 5 H 6 I 7);

/// Calls a function on the arguments; before them stands a place for an object.
pub fn call<A, F: Call<A>>(function: F, args: &[Data]) -> Read<String> {
    function.call(&args[1..])
}

/// Calls a method on an object that is made for it.
pub fn call_method<A, F: Call<A>>(function: F, args: &[Data]) -> Read<String> {
    OBJECTS.store(1, Relaxed);
    function.call(args)
}

/// Does one call; `choose` knows the program's functions by their names.
pub fn run(choose: fn(&str, &[Data]) -> Read<String>) {
    let mut lines = std::io::stdin().lock().lines().map(Result::unwrap);
    let mut line = || lines.next().unwrap_or_default();
    let (token, function, request) = (line(), line(), line());
    let Data::List(mut args) = (Reader { bytes: request.as_bytes(), at: 0 }).value() else { std::process::exit(70) };
    args.insert(0, Data::Null);
    let answer = choose(&function, &args).unwrap_or_else(|why| ::std::format!("{{\"$fault\":{}}}", shown(why)));
    // Sound: descriptor 3 is this process's own and open, see commands.py.
    let mut channel = unsafe { std::fs::File::from_raw_fd(3) };
    channel.write_all(::std::format!("{token}{answer}\n").as_bytes()).unwrap();
    std::process::exit(0);
}
