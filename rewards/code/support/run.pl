# Runs a Perl program and its tests, and says at the very end that it came there. Usage: perl run.pl PROGRAM, with a token on stdin;
# the last line of stdout is then the token. See rewards/code/harness.py for what this can guard.

sub run_text { eval $_[0] }    # here, where no variable of this file is in its sight

push @INC, '/support/perl';
{
    my $token = <STDIN>;
    my ($file) = @ARGV;
    @ARGV = ();
    open(my $in, '<:raw', $file) or die "cannot read the program\n";
    my $source = do { local $/; <$in> };
    close $in;
    if (!run_text("package main;\n#line 1 \"program.pl\"\n$source\n;1")) {
        print STDERR $@;
        exit 255;
    }
    $| = 1;
    print STDOUT "\n$token";
}
