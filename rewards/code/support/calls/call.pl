# Calls one function of a Perl program in scalar context and writes its value. Usage: perl call.pl PROGRAM, with the token, the function's
# name and its arguments as JSON on three lines of stdin. See rewards/code/call_programs.py.

sub run_text { eval $_[0] }    # here, where no variable of this file is in its sight

use strict;
use warnings;
use B ();
use JSON::PP ();

push @INC, $0 =~ s{[^/]*/[^/]*$}{perl}r;
my $DEEPEST = 200;
my $is_bool = $] >= 5.036 ? \&{'builtin::is_bool'} : sub { $_[0] eq '' };

sub given {    # what JSON says as Perl has it; texts are bytes unless the program has `use utf8`
    my ($data, $wide) = @_;
    if (!defined $data) { return undef }
    if (JSON::PP::is_bool($data)) { return $data ? !!1 : !!0 }
    if (ref $data eq 'ARRAY') { return [map { given($_, $wide) } @$data] }
    if (ref $data eq 'HASH') {
        my ($mark) = keys %$data;
        my $inner = $data->{$mark};
        if ($mark eq '$float') { return $inner eq 'NaN' ? 9**9**9 / 9**9**9 : $inner =~ /^-/ ? -9**9**9 : 9**9**9 }
        if ($mark eq '$int') {
            if (length $inner < 19) { return 0 + $inner }
            require Math::BigInt;
            return Math::BigInt->new($inner);
        }
        return { map { given($_->[0], $wide) => given($_->[1], $wide) } @$inner };
    }
    if (B::svref_2object(\$data)->FLAGS & B::SVf_POK) { utf8::encode($data) if !$wide }
    return $data;
}

sub text {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/(["\\])/\\$1/g;
    $text =~ s/([\x00-\x1f])/sprintf '\\u%04x', ord $1/ge;
    return "\"$text\"";
}

sub number {
    my ($value) = @_;
    if ($value != $value) { return '{"$float":"NaN"}' }
    if (abs($value) == 9**9**9) { return $value > 0 ? '{"$float":"Infinity"}' : '{"$float":"-Infinity"}' }
    for my $digits (15, 16, 17) {
        my $text = sprintf "%.${digits}g", $value;
        return $text if $text == $value;
    }
}

sub shown {
    my ($value, $depth) = @_;
    if (!defined $value) { return 'null' }
    if ($depth > $DEEPEST) { return '{"$other":"cycle"}' }
    my $kind = ref $value;
    if ($kind eq 'ARRAY') { return '[' . join(',', map { shown($_, $depth + 1) } @$value) . ']' }
    if ($kind eq 'HASH') { return '{"$dict":[' . join(',', map { '[' . text($_) . ',' . shown($value->{$_}, $depth + 1) . ']' } keys %$value) . ']}' }
    if ($kind eq 'Math::BigInt') { return $value->is_nan || $value->is_inf ? '{"$other":"Math::BigInt"}' : $value->bstr }
    if ($kind) { return '{"$other":' . text($kind) . '}' }
    if ($is_bool->($value)) { return $value ? 'true' : 'false' }
    my $flags = B::svref_2object(\$value)->FLAGS;
    if ($flags & B::SVf_POK) { return text($value) }
    if ($flags & B::SVf_IOK) { return "$value" }
    return $flags & B::SVf_NOK ? number($value) : text("$value");
}

{
    chomp(my ($token, $name, $request) = (scalar <STDIN>, scalar <STDIN>, scalar <STDIN>));
    my ($file) = @ARGV;
    @ARGV = ();
    open(my $in, '<:raw', $file) or die "cannot read the program\n";
    my $source = do { local $/; <$in> };
    close $in;
    open(my $channel, '>&=', 3) or die "no channel\n";
    my @args = map { given($_, $source =~ /^\s*use\s+utf8\b/m) } @{JSON::PP->new->allow_nonref->decode($request)};
    my ($shown, $show) = ('', \&shown);
    if (!run_text("no strict; no warnings; package main;\n#line 1 \"program.pl\"\n$source\n;1")) {
        print STDERR $@;
        exit 255;
    }
    my ($class, $method) = $name =~ /^(\w+)\.(\w+)$/;
    my $function = $class ? $class->can($method) : main->can($name);
    die "there is no function $name\n" if !$function;
    unshift @args, ($class->can('new') ? $class->new : bless {}, $class) if $class;
    my $value = $function->(@args);
    $shown = $show->($value, 0);
    syswrite $channel, "$token$shown\n";
}
