import Testing

/// What comes in over HTTP and must do no harm: one service takes all of it.
@Suite(.sharedService, .timeLimit(.minutes(3))) struct InputTests {}
