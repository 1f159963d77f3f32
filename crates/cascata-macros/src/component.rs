//! From a function to a component.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, ItemFn, Result, Type, ext::IdentExt, spanned::Spanned};

use crate::parameter::{Arguments, Inport, Parameter, Role, Shape};

/// Gives what stands in the place of the function.
pub fn expand(arguments: TokenStream, function: TokenStream) -> Result<TokenStream> {
    let arguments: Arguments = syn::parse2(arguments)?;
    let function: ItemFn = syn::parse2(function)?;
    refuse(&arguments, &function)?;
    let parameters: Vec<_> = function.sig.inputs.iter().cloned().map(Parameter::parse).collect::<Result<_>>()?;
    Ok(Parts { arguments, function, parameters }.tokens())
}

/// What no component can be.
fn refuse(arguments: &Arguments, function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    if !signature.generics.params.is_empty() {
        let help = "a component cannot be generic: its ports have types of their own";
        return Err(syn::Error::new(signature.generics.span(), help));
    }
    match (&arguments.blocking, &signature.asyncness) {
        (None, None) => {
            let help = "a component is an async fn, or one that blocks: #[component(blocking)]";
            Err(syn::Error::new(signature.fn_token.span, help))
        }
        (Some(blocking), Some(_)) => {
            Err(syn::Error::new(blocking.span(), "a component that blocks is a plain fn: leave out async or blocking"))
        }
        _ => Ok(()),
    }
}

struct Parts {
    arguments: Arguments,
    function: ItemFn,
    parameters: Vec<Parameter>,
}

impl Parts {
    fn tokens(&self) -> TokenStream {
        let ItemFn { vis, sig, .. } = &self.function;
        let name = &sig.ident;
        let docs: Vec<&Attribute> = self.function.attrs.iter().filter(|attr| attr.path().is_ident("doc")).collect();
        let ports = self.ports();
        let runner = self.runner();
        let places = format!("The ports of [`{name}`](fn@{name}) in a graph.");
        quote! {
            #[doc = #places]
            #[allow(non_camel_case_types, dead_code)]
            #[derive(Clone, Copy, Debug)]
            #vis struct #name<'graph> #ports

            #(#docs)*
            #vis fn #name() -> ::cascata::runtime::Defined<#name<'static>> {
                #runner
                ::cascata::runtime::Defined::new(__Runner)
            }
        }
    }

    /// The fields of the ports, and how they are made.
    fn ports(&self) -> TokenStream {
        let name = &self.function.sig.ident;
        let (mut fields, mut values) = (Vec::new(), Vec::new());
        let (mut inports, mut outports, mut persists) = (0_usize.., 0_usize.., 0_usize..);
        for Parameter { name, role, .. } in &self.parameters {
            let doc = format!("`{}`", name.unraw());
            let (kind, value) = match role {
                Role::Inport(inport) => {
                    let (port, index) = (inport.port(), inports.next());
                    (quote!(::cascata::runtime::In<'graph, #port>), quote!(place.inport(#index)))
                }
                Role::Outport(item) => {
                    let index = outports.next();
                    (quote!(::cascata::runtime::Out<'graph, #item>), quote!(place.outport(#index)))
                }
                Role::Persist(state, _) => {
                    let index = persists.next();
                    (quote!(::cascata::runtime::State<'graph, #state>), quote!(place.state(#index)))
                }
            };
            fields.push(quote!(#[doc = #doc] pub #name: #kind));
            values.push(quote!(#name: #value));
        }
        quote! {
            {
                #(#fields,)*
                #[doc(hidden)]
                pub __place: ::cascata::runtime::Place<'graph>,
            }

            impl ::cascata::runtime::Ports for #name<'static> {
                type At<'graph> = #name<'graph>;
            }

            impl<'graph> ::cascata::runtime::Instance<'graph> for #name<'graph> {
                fn at(place: ::cascata::runtime::Place<'graph>) -> Self {
                    #name { #(#values,)* __place: place }
                }

                fn place(self) -> ::cascata::runtime::Place<'graph> {
                    self.__place
                }
            }
        }
    }

    /// The function, and the component that calls it.
    fn runner(&self) -> TokenStream {
        let ItemFn { attrs, sig, block, .. } = &self.function;
        let attrs = attrs.iter().filter(|attr| !attr.path().is_ident("doc"));
        let (name, asyncness, output) = (&sig.ident, &sig.asyncness, &sig.output);
        let inputs = self.parameters.iter();
        let inputs =
            inputs.map(|Parameter { variable, full, attributes, .. }| quote!(#(#attributes)* #variable: #full));
        let states: Vec<_> = self.states().collect();
        let (state_types, makers): (Vec<_>, Vec<_>) = states.iter().copied().unzip();
        let stateful = !states.is_empty();
        let starts = makers.iter().zip(&state_types).enumerate().map(|(index, (make, state))| {
            quote!(match __settings.get::<#state>(#index)? {
                ::core::option::Option::Some(state) => state,
                ::core::option::Option::None => (#make)(),
            })
        });
        let declared = self.declaration();
        let arguments: Vec<_> = self.arguments().collect();
        let call = quote!(__run(#(#arguments),*));
        let call = if self.arguments.blocking.is_some() { call } else { quote!(#call.await) };
        let taken = self.taken();
        let finish = self.finish();
        let run = format_ident!("__run", span = name.span());
        quote! {
            #(#attrs)*
            #[allow(clippy::too_many_arguments, clippy::unused_async)]
            #asyncness fn #run(#(#inputs),*) #output #block

            struct __Runner;

            impl ::cascata::runtime::Component for __Runner {
                type State = (#(#state_types,)*);
                const STATEFUL: bool = #stateful;

                #[allow(clippy::needless_borrow)]
                fn declare(&self) -> ::cascata::runtime::Declaration {
                    #declared
                }

                #[allow(unused_variables)]
                fn start(
                    &self,
                    __settings: ::cascata::runtime::Settings<'_>,
                ) -> ::core::result::Result<Self::State, ::cascata::runtime::Failure> {
                    ::core::result::Result::Ok((#(#starts,)*))
                }

                #[allow(unused_variables)]
                async fn fire(
                    &self,
                    __state: &mut Self::State,
                    __row: &mut ::cascata::runtime::Row,
                    __outports: &::cascata::runtime::Outports,
                ) -> ::core::result::Result<(), ::cascata::runtime::Failure> {
                    #taken
                    ::cascata::runtime::Outcome::into_result(#call)
                }

                #finish
            }
        }
    }

    fn states(&self) -> impl Iterator<Item = (&Type, &syn::Expr)> {
        self.parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Persist(state, make) => Some((state, make)),
            _ => None,
        })
    }

    fn inports(&self) -> impl Iterator<Item = (&syn::Ident, &Inport)> {
        self.parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Inport(inport) => Some((&parameter.name, inport)),
            _ => None,
        })
    }

    fn declaration(&self) -> TokenStream {
        let name = self.function.sig.ident.unraw().to_string();
        let ports = self.parameters.iter().map(|parameter| {
            let name = parameter.name.unraw().to_string();
            match &parameter.role {
                Role::Outport(item) => quote!(.outport::<#item>(#name)),
                Role::Persist(state, _) => {
                    let traits = traits(state);
                    quote!(.persist(#name).traits(#traits))
                }
                Role::Inport(Inport { shape, item, capacity, default }) => {
                    let declare = match shape {
                        Shape::List => quote!(.inport_of_lists::<#item>(#name)),
                        Shape::Value => quote!(.inport::<#item>(#name)),
                        Shape::Latest => quote!(.inport::<#item>(#name).optional()),
                    };
                    let capacity = capacity.iter().map(|capacity| quote!(.capacity(#capacity)));
                    let value = match shape {
                        Shape::List => quote!(::std::vec::Vec<#item>),
                        Shape::Value | Shape::Latest => quote!(#item),
                    };
                    let default = default.iter().map(|default| quote!(.default::<#value>(#default)));
                    let traits = traits(item);
                    quote!(#declare #(#capacity)* #(#default)* .traits(#traits))
                }
            }
        });
        let blocking = self.arguments.blocking.iter().map(|_| quote!(.blocking()));
        quote!(::cascata::runtime::Declaration::new(#name, ::core::module_path!()) #(#ports)* #(#blocking)*)
    }

    /// Takes the values of a firing, before anything is awaited.
    fn taken(&self) -> TokenStream {
        let taken = self.inports().enumerate().map(|(index, (name, Inport { shape, item, .. }))| {
            let take = match shape {
                Shape::Value => quote!(take),
                Shape::List => quote!(take_list),
                Shape::Latest => quote!(take_latest),
            };
            quote!(let #name = __row.#take::<#item>(#index)?;)
        });
        quote!(#(#taken)*)
    }

    /// What the function is called with.
    fn arguments(&self) -> impl Iterator<Item = TokenStream> {
        let (mut outports, mut persists) = (0_usize.., 0_usize..);
        self.parameters.iter().map(move |Parameter { name, role, .. }| match role {
            Role::Inport(_) => quote!(#name),
            Role::Outport(item) => self.outport(item, outports.next().unwrap_or_default()),
            Role::Persist(..) => {
                let index = syn::Index::from(persists.next().unwrap_or_default());
                quote!(&mut __state.#index)
            }
        })
    }

    fn outport(&self, item: &Type, index: usize) -> TokenStream {
        let get = if self.arguments.blocking.is_some() { quote!(blocking) } else { quote!(get) };
        quote!(__outports.#get::<#item>(#index))
    }

    fn finish(&self) -> TokenStream {
        let Some(finish) = &self.arguments.finish else { return TokenStream::new() };
        let outports = self.parameters.iter().filter_map(|parameter| match &parameter.role {
            Role::Outport(item) => Some(item),
            _ => None,
        });
        let outports = outports.enumerate().map(|(index, item)| self.outport(item, index));
        let states = (0..self.states().count()).map(syn::Index::from);
        let call = quote!(#finish(#(#outports,)* #(&mut __state.#states,)*));
        let call = if self.arguments.blocking.is_some() { call } else { quote!(#call.await) };
        quote! {
            #[allow(unused_variables)]
            async fn finish(
                &self,
                __state: &mut Self::State,
                __outports: &::cascata::runtime::Outports,
            ) -> ::core::result::Result<(), ::cascata::runtime::Failure> {
                ::cascata::runtime::Outcome::into_result(#call)
            }
        }
    }
}

/// What holds of the type of values. The method that a call finds depends on what the type is: see `Probe` there.
fn traits(item: &Type) -> TokenStream {
    quote!({
        #[allow(unused_imports)]
        use ::cascata::runtime::{ProbeNotShown as _, ProbeNotStored as _, ProbeShown as _, ProbeStored as _};
        let __probe = ::cascata::runtime::Probe::<#item>::NEW;
        (&&__probe).store((&&__probe).show(::core::default::Default::default()))
    })
}
