# Runs a Perl program, then its tests, and says at the very end that it came there. Usage: perl run.pl PROGRAM TESTS, with a token on stdin;
# the last line of stdout is then the token. Tests are compiled after the program has run, and what they compare with is put back before, so
# that no program replaces it. See rewards/code/harness.py for what this can guard.

sub run_text { eval $_[0] }    # here, where no variable of this file is in its sight

push @INC, $0 =~ s{[^/]*$}{perl}r;
{
    my $token = <STDIN>;
    my ($program, $tests) = map {
        open(my $in, '<:raw', $_) or die "cannot read the program\n";
        local $/;
        scalar <$in>;
    } @ARGV;
    @ARGV = ();
    require Data::Compare;
    my %kept = map { defined &{"Data::Compare::$_"} ? ($_ => \&{"Data::Compare::$_"}) : () } keys %Data::Compare::;
    my $run = sub {
        my ($text, $name) = @_;
        return if run_text("package main;\n#line 1 \"$name\"\n$text\n;1");
        print STDERR $@;
        exit 255;
    };
    $run->($program, 'program.pl');
    *{"Data::Compare::$_"} = $kept{$_} for keys %kept;
    %CORE::GLOBAL:: = ();
    delete @SIG{'__DIE__', '__WARN__'};
    $run->($tests, 'tests.pl');
    $| = 1;
    print STDOUT "\n$token";
}
