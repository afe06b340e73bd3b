//! The enumerations of the service.

macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$doc])* $variant),+ }

        impl $name {
            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value for a name on the wire, if any.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// How far a deployment is.
    DeploymentStatus {
        /// It was asked for.
        Created = "Created",
        /// It waits for its instances.
        Queued = "Queued",
        /// It changes its instances.
        InProgress = "InProgress",
        /// It waits for alarms after the traffic moved; the stand-in never does.
        Baking = "Baking",
        /// The revision runs.
        Succeeded = "Succeeded",
        /// The revision could not be started.
        Failed = "Failed",
        /// Somebody stopped it.
        Stopped = "Stopped",
        /// It waits for a person to move the traffic; the stand-in never does.
        Ready = "Ready",
    }
}

impl DeploymentStatus {
    /// Whether the deployment keeps others out of its group.
    pub fn is_active(self) -> bool {
        match self {
            Self::Created | Self::Queued | Self::InProgress | Self::Baking | Self::Ready => true,
            Self::Succeeded | Self::Failed | Self::Stopped => false,
        }
    }
}

words! {
    /// Who asked for a deployment.
    Creator {
        /// A person, a pipeline, or any other caller.
        User = "user",
        /// The service itself, after another deployment failed or was stopped.
        Rollback = "codeDeployRollback",
        /// The service itself, for an instance that an Auto Scaling group adds.
        Autoscaling = "autoscaling",
        /// The service itself, for an instance that an Auto Scaling group ends.
        AutoscalingTermination = "autoscalingTermination",
        /// The service itself, for an instance that missed a deployment.
        AutoUpdate = "CodeDeployAutoUpdate",
    }
}

impl Creator {
    /// Whether the service deploys the running revision to a joining instance.
    pub fn is_joining(self) -> bool {
        match self {
            Self::Autoscaling | Self::AutoscalingTermination | Self::AutoUpdate => true,
            Self::User | Self::Rollback => false,
        }
    }
}

words! {
    /// Why a deployment did not succeed.
    ErrorCode {
        /// Too few instances were healthy in the end.
        HealthConstraints = "HEALTH_CONSTRAINTS",
        /// The bundle of the revision is gone.
        RevisionMissing = "REVISION_MISSING",
        /// Somebody stopped it.
        ManualStop = "MANUAL_STOP",
    }
}

words! {
    /// When the service rolls back by itself.
    RollbackEvent {
        /// The deployment failed.
        Failure = "DEPLOYMENT_FAILURE",
        /// An alarm stopped the deployment.
        StopOnAlarm = "DEPLOYMENT_STOP_ON_ALARM",
        /// Somebody stopped the deployment.
        StopOnRequest = "DEPLOYMENT_STOP_ON_REQUEST",
    }
}

words! {
    /// What happens to existing files.
    FileExists {
        /// The deployment fails.
        Disallow = "DISALLOW",
        /// The file of the new revision wins.
        Overwrite = "OVERWRITE",
        /// The existing file wins.
        Retain = "RETAIN",
    }
}

words! {
    /// What an application runs on.
    Platform {
        /// Instances.
        Server = "Server",
        /// Functions.
        Lambda = "Lambda",
        /// Containers.
        Ecs = "ECS",
    }
}
