package Data::Compare;
# The one function of Data::Compare that mxeval's Perl tests use, for machines without that module; an installed one comes first.
# Scalars are the same when they are as text, references when what they refer to is.
use strict;
use warnings;
use Exporter 'import';
use Scalar::Util qw(blessed reftype);
our @EXPORT = ('Compare');

sub Compare {
    my ($left, $right) = @_;
    return !defined $left && !defined $right if !defined $left || !defined $right;
    return 0 if ref $left ne ref $right;
    return $left eq $right if !ref $left;
    my $kind = reftype $left;
    return 0 if $kind ne reftype $right;
    if ($kind eq 'ARRAY') {
        return 0 if @$left != @$right;
        for my $place (0 .. $#$left) { return 0 if !Compare($left->[$place], $right->[$place]); }
        return 1;
    }
    if ($kind eq 'HASH') {
        return 0 if keys %$left != keys %$right;
        for my $key (keys %$left) { return 0 if !exists $right->{$key} || !Compare($left->{$key}, $right->{$key}); }
        return 1;
    }
    return Compare($$left, $$right) if $kind eq 'SCALAR' || $kind eq 'REF';
    return $left == $right;
}
1;
