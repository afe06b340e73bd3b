//! The statuses of the service.

macro_rules! wire_enum {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant)),+ }
            }
        }
    };
}

wire_enum! {
    /// How far a pipeline execution is.
    ExecutionStatus {
        /// It runs or waits to enter a stage.
        InProgress,
        /// It ends when its running actions end.
        Stopping,
        /// It was stopped.
        Stopped,
        /// It went through.
        Succeeded,
        /// A newer execution took its place between two stages.
        Superseded,
        /// An action failed.
        Failed,
    }
}

wire_enum! {
    /// How far an execution is in one stage.
    StageStatus {
        /// Actions run.
        InProgress,
        /// It ends when the running actions end.
        Stopping,
        /// It was stopped.
        Stopped,
        /// All actions succeeded.
        Succeeded,
        /// An action failed.
        Failed,
    }
}

wire_enum! {
    /// How far one run of an action is.
    ActionStatus {
        /// It runs or waits for an answer.
        InProgress,
        /// The execution was stopped without waiting for it.
        Abandoned,
        /// It succeeded.
        Succeeded,
        /// It failed.
        Failed,
    }
}
